-- Finds the longest waking event.
--
-- parameters  $1 queue
-- returns     name; no row when none is waking
-- index       durable_events_waking
select e.name
from durable_events e indexed by durable_events_waking
where e.queue = $1 and e.first_unreached is not null
order by e.first_unreached, e.name
limit 1
