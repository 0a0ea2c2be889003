-- Keeps events from being written while deadlines that tasks rest on are worked off, as far as nobody else holds them.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 now
-- returns     the events, placeholders included
-- locks       them for share, skipping what is locked
-- index       events_pkey, waits_pkey
select l.*
from (
  select distinct w.event as name
  from unnest($2::uuid[]) as i (task)
  cross join lateral (
    select v.event, v.rests, v.deadline from durable.waits v where v.queue = $1 and v.task = i.task offset 0
  ) w
  where w.event is not null and w.rests is not null and w.deadline <= $3
) n
cross join lateral (
  select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
  from durable.events e
  where e.queue = $1 and e.name = n.name
  for share of e skip locked
) l
