-- Reads a page of events by the bytes of their names. Placeholders are no events.
--
-- parameters  $1 queue, $2 after (name), $3 the most examined
-- returns     the events, placeholders included for the cursor; waking: a wait stands for it
-- locks       none
-- index       events_pkey, waits_event
select e.name, e.written_at, e.payload, e.metadata, e.id,
       e.first_unreached is not null
         and coalesce((select true from durable.waits w where w.queue = $1 and w.event = e.name limit 1), false) as waking
from durable.events e
where e.queue = $1 and e.name > $2
order by e.name
limit $3
