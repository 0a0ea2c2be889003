-- Reads what the tasks of a page rest on.
--
-- parameters  $1 queue, $2 ids (JSON array)
-- returns     task, key
-- index       durable_tasks_id, durable_waits_key
select t.id as task, w.key
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_waits w on w.task = t.seq and w.rests = t.claims
where t.state = 0 and t.why = 2
order by n.key, w.key
