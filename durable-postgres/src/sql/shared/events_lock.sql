-- Locks events to write them. A locked row is read as it is after the wait for it.
--
-- parameters  $1 queue, $2 names text[]
-- returns     the events, placeholders included
-- locks       them for update, names ascending
-- index       events_pkey
select l.*
from (select n from unnest($2::text[]) as n order by n collate "C" offset 0) as w (name)
cross join lateral (
  select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
  from durable.events e
  where e.queue = $1 and e.name = w.name
  for update of e
) l
