-- Keeps events from being written while waits for them are registered or ended.
--
-- parameters  $1 queue, $2 names text[], $3 tasks uuid[], $4 keys text[] (pairs: standing waits whose events count, too)
-- returns     the events, placeholders included
-- locks       them for share, names ascending: waiters do not wait for each other
-- index       events_pkey, waits_pkey
select e.name, e.written_at, e.payload, e.metadata, e.id, e.first_unreached
from events e
where e.queue = $1
  and e.name = any (array(
    select n from unnest($2::text[]) n
    union
    select w.event
    from unnest($3::uuid[], $4::text[]) as p (task, key)
    join waits w on w.queue = $1 and w.task = p.task and w.key = p.key
    where w.event is not null
  ))
order by e.name
for share of e
