-- Reads what is under some keys of locked tasks: a standing wait with its event, a stored end, or nothing.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 keys text[] (pairs)
-- returns     task, key; the wait's and the event's columns, null without; the stored end's columns, null without
-- locks       none; the tasks are locked, and the events of waits whose end is decided
-- index       waits_pkey, history_key, events_pkey
select p.task, p.key,
       w.source, w.event, w.child, w.registered_at, w.deadline, w.rests,
       e.written_at, e.payload as event_payload, e.first_unreached,
       h.ord, h.end_kind, h.end_text, h.end_at, h.ended_at
from unnest($2::uuid[], $3::text[]) as p (task, key)
left join lateral (
  select v.* from durable.waits v where v.queue = $1 and v.task = p.task and v.key = p.key offset 0
) w on true
left join lateral (
  select v.* from durable.events v where v.queue = $1 and v.name = w.event offset 0
) e on e.written_at is not null
left join lateral (
  select v.* from durable.history v
  where v.queue = $1 and v.task = p.task and v.key = p.key and v.key is not null and not v.aside
  offset 0
) h on true
