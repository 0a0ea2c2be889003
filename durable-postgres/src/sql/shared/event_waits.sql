-- Finds the waits that stand for some events.
--
-- Run twice: before the tasks are locked, to know them, and again after.
--
-- parameters  $1 queue, $2 names text[], $3 the most for each event, $4 the most in all
-- returns     the waits, event by event as listed, then by task and key
-- locks       none; the events are locked, so that no wait is added
-- index       waits_event
select w.task, w.key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests
from unnest($2::text[]) with ordinality as n (name, place)
cross join lateral (
  select * from durable.waits v
  where v.queue = $1 and v.event = n.name
  order by v.task, v.key
  limit $3
) w
order by n.place, w.task, w.key
limit $4
