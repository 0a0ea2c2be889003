-- Removes locked events for which no wait stands.
--
-- parameters  $1 queue, $2 names text[]
-- returns     whether each that went was a placeholder
-- locks       none that the transaction does not hold
-- index       events_pkey, waits_event
delete from durable.events e
where e.ctid = any (array(
  select k.ctid
  from unnest($2::text[]) as n (name)
  cross join lateral (
    select v.ctid, v.first_unreached from durable.events v where v.queue = $1 and v.name = n.name offset 0
  ) k
  where k.first_unreached is null
    and (select true from durable.waits w where w.queue = $1 and w.event = n.name limit 1) is null
))
returning e.written_at is null as placeholder
