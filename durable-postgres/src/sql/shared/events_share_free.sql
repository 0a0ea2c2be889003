-- Keeps events from being written while deadlines that tasks rest on are worked off, as far as nobody else holds them.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 now
-- returns     the events, placeholders included
-- locks       them for share, skipping what is locked
-- index       events_pkey, waits_pkey
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from events e
where e.queue = $1
  and e.name = any (array(
    select w.event from waits w
    where w.queue = $1 and w.task = any ($2::uuid[]) and w.rests is not null and w.deadline <= $3
      and w.event is not null
  ))
order by e.name
for share of e skip locked
