-- Reads tasks that waits name as children.
--
-- parameters  $1 queue, $2 ids (JSON array)
-- returns     one row for each
-- index       durable_tasks_id
select t.id, t.parent, t.join_key, t.state, t.spawned_at, t.ended_at, t.end_kind, t.end_text, t.end_at
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
