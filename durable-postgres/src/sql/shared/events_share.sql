-- Keeps events from being written while waits for them are registered or ended.
--
-- parameters  $1 queue, $2 names text[], $3 tasks uuid[], $4 keys text[] (pairs: standing waits whose events count, too)
-- returns     the events, placeholders included
-- locks       them for share, names ascending: waiters do not wait for each other
-- index       events_pkey, waits_pkey
select l.*
from (
  select n.name
  from (
    select i.name from unnest($2::text[]) as i (name)
    union
    select w.event
    from unnest($3::uuid[], $4::text[]) as p (task, key)
    cross join lateral (
      select v.event from durable.waits v where v.queue = $1 and v.task = p.task and v.key = p.key offset 0
    ) w
    where w.event is not null
  ) n
  order by n.name collate "C"
  offset 0
) n
cross join lateral (
  select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
  from durable.events e
  where e.queue = $1 and e.name = n.name
  for share of e
) l
