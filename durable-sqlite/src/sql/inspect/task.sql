-- Reads one task.
--
-- parameters  $1 queue, $2 id
-- returns     the task; no row without it
-- index       durable_tasks_id
select t.*, i.params, i.headers, i.policy
from durable_tasks t indexed by durable_tasks_id
cross join durable_inputs i on i.task = t.seq
where t.queue = $1 and t.id = $2
