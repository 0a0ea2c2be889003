-- Finds events that are old enough to go, oldest first. One that is waking stays.
--
-- parameters  $1 queue, $2 written at this time or before, $3 the most
-- returns     name
-- index       durable_events_written
select e.name
from durable_events e indexed by durable_events_written
where e.queue = $1 and e.written_at <= $2 and e.first_unreached is null
order by e.written_at, e.name
limit $3
