-- Reads the standing waits of tasks.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 the most for each
-- returns     the waits by task and key
-- locks       none
-- index       waits_pkey
select w.task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from unnest($2::uuid[]) as p (task)
cross join lateral (
  select * from durable.waits v where v.queue = $1 and v.task = p.task order by v.key limit $3
) w
order by w.task, w.key
