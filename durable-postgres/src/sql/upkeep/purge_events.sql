-- Removes locked events for which no wait stands. A placeholder that stays goes to the end of the line: a million tasks may
-- wait for as many events, and each purge looks at its share.
--
-- parameters  $1 queue, $2 names text[], $3 now
-- returns     whether each that went was a placeholder
-- locks       none that the transaction does not hold
-- index       events_pkey, waits_event
with found as materialized (
  select k.ctid as place, k.written_at is null as placeholder,
         k.first_unreached is null
           and (select true from durable.waits w where w.queue = $1 and w.event = n.name limit 1) is null as goes
  from unnest($2::text[]) as n (name)
  cross join lateral (
    select v.ctid, v.written_at, v.first_unreached from durable.events v where v.queue = $1 and v.name = n.name offset 0
  ) k
), kept as (
  update durable.events e
  set looked_at = $3
  where e.ctid = any (array(select f.place from found f where f.placeholder and not f.goes))
)
delete from durable.events e
where e.ctid = any (array(select f.place from found f where f.goes))
returning e.written_at is null as placeholder
