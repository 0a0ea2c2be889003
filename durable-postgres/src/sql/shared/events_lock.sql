-- Locks events to write them. A locked row is read as it is after the wait for it.
--
-- parameters  $1 queue, $2 names text[]
-- returns     the events, placeholders included
-- locks       them for update, names ascending
-- index       events_pkey
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from events e
where e.queue = $1 and e.name = any ($2::text[])
order by e.name
for update of e
