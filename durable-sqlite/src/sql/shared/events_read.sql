-- Reads events.
--
-- parameters  $1 queue, $2 names (JSON array)
-- returns     the events that are written
-- index       durable_events' key
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from json_each($2) n
cross join durable_events e on e.queue = $1 and e.name = n.value
