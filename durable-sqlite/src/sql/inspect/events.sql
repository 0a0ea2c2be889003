-- Reads a page of events by the bytes of their names.
--
-- parameters  $1 queue, $2 after (name), $3 the most and one
-- returns     the events
-- index       durable_events' key
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from durable_events e
where e.queue = $1 and e.name > $2
order by e.name
limit $3
