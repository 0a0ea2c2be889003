-- Reads tasks that waits name as children. Their parent is locked, so that none of them can end meanwhile.
--
-- parameters  $1 queue, $2 ids uuid[]
-- returns     one row for each
-- locks       none
-- index       tasks_pkey
select t.id, t.parent, t.join_key, t.state, t.spawned_at, t.ended_at, t.end_kind, t.end_text, t.end_at
from unnest($2::uuid[]) as i (id)
cross join lateral (select k.* from durable.tasks k where k.queue = $1 and k.id = i.id offset 0) t
where t.state < 6
