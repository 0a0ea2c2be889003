-- Reads the standing waits of a task.
--
-- parameters  $1 queue, $2 id, $3 the most
-- returns     the waits by key
-- index       durable_tasks_id, durable_waits_key
select t.id as task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from durable_tasks t indexed by durable_tasks_id
cross join durable_waits w on w.task = t.seq
where t.queue = $1 and t.id = $2
order by w.key
limit $3
