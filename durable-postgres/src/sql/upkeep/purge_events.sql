-- Removes locked events for which no wait stands.
--
-- parameters  $1 queue, $2 names text[]
-- returns     whether each that went was a placeholder
-- locks       none that the transaction does not hold
-- index       events_pkey, waits_event
delete from events e
where e.queue = $1 and e.name = any ($2::text[]) and e.first_unreached is null
  and not exists (select 1 from waits w where w.queue = $1 and w.event = e.name)
returning e.written_at is null as placeholder
