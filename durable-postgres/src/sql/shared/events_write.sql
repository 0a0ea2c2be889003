-- Writes back what changed of locked events.
--
-- parameters  $1 queue, then one array for each column
-- returns     nothing
-- locks       none that the transaction does not hold
-- index       events_pkey
update durable.events e
set written_at = w.written_at, payload = w.payload, metadata = w.metadata, id = w.id,
    first_unreached = w.first_unreached
from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::bigint[])
  as w (name, written_at, payload, metadata, id, first_unreached)
cross join lateral (select k.ctid from durable.events k where k.queue = $1 and k.name = w.name offset 0) k
where e.ctid = k.ctid
