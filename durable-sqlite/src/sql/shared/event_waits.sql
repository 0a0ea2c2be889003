-- Finds the waits that stand for an event.
--
-- parameters  $1 queue, $3 name, $4 the most
-- returns     the waits, by age of their tasks and key
-- index       durable_waits_event
select t.id as task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from durable_waits w indexed by durable_waits_event
cross join durable_tasks t on t.seq = w.task
where w.queue = $1 and w.event = $3 and w.event is not null
order by w.task, w.key
limit $4
