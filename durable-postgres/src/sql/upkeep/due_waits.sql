-- Finds the waits whose deadline has come, of locked tasks that rest on them.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 their claim counts bigint[], $4 now, $5 the most
-- returns     the waits, earliest first
-- locks       none
-- index       waits_pkey
select w.task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from unnest($2::uuid[], $3::bigint[]) as p (task, claims)
cross join lateral (select v.* from durable.waits v where v.queue = $1 and v.task = p.task offset 0) w
where w.rests = p.claims and w.deadline <= $4
order by w.deadline, w.task, w.key
limit $5
