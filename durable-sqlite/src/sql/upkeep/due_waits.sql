-- Finds the waits whose deadline has come, of tasks that rest on them.
--
-- parameters  $1 queue, $2 tasks (JSON array), $4 now, $5 the most
-- returns     the waits, earliest first
-- index       durable_tasks_id, durable_waits_key
select t.id as task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_waits w on w.task = t.seq and w.rests = t.claims and w.deadline <= $4
where t.state = 0 and t.why = 2
order by w.deadline, t.id, w.key
limit $5
