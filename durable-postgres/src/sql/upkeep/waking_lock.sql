-- Locks a waking event that nobody else holds, the longest waking first.
--
-- parameters  $1 queue, $2 names text[] to pass over
-- returns     the event
-- locks       it for update, skipping what is locked
-- index       events_waking
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from durable.events e
where e.queue = $1 and e.first_unreached is not null and e.name <> all ($2::text[])
order by e.first_unreached, e.name
limit 1
for update of e skip locked
