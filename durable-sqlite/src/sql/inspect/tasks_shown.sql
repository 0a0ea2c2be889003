-- Reads the tasks of a page.
--
-- parameters  $1 queue, $2 ids (JSON array)
-- returns     the tasks in this order
-- index       durable_tasks_id, durable_inputs' key
select t.*, i.params, i.headers, i.policy
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_inputs i on i.task = t.seq
order by n.key
