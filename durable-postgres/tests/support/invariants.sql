-- What must hold of the tables at any moment; one line for each thing that does not.
select 'task ' || t.id || ': ' || broken.what
from durable.tasks t
cross join lateral (
  select min(w.deadline) as earliest, count(*) as rested
  from durable.waits w where w.queue = t.queue and w.task = t.id and w.rests = t.claims
) r
cross join lateral (
  -- `least` passes over nulls, so the end of time is put in by hand.
  select case when u.until > 253402300799999 then 253402300799999 else u.until end as until
  from (
    select case when t.first_started_at is null then t.limit_from + t.max_pending
                else t.first_started_at + t.max_running end as until
  ) u
) l
cross join lateral (values
  ('due is not the earliest of what is to come',
   t.due is distinct from case
     when t.state >= 3 then null
     when t.state = 0 and t.why in (0, 1) then least(t.available_at, l.until)
     when t.state = 0 then least(t.rest_due, l.until)
     when t.state = 1 then l.until
     else least(t.expires_at, l.until)
   end),
  ('it rests, and its earliest deadline is another', t.state = 0 and t.why = 2 and t.rest_due is distinct from r.earliest),
  ('it rests on fewer waits than it needs', t.state = 0 and t.why = 2 and coalesce(t.need, 0) not between 1 and r.rested),
  ('it has ended and waits', t.state >= 3 and exists (select 1 from durable.waits w where w.queue = t.queue and w.task = t.id)),
  ('it has ended without an end', (t.state >= 3) <> (t.end_kind is not null and t.ended_at is not null)),
  ('it runs without a lease', (t.state = 2) <> (t.expires_at is not null)),
  ('it is closing and live', t.state < 3 and t.closing_since is not null),
  ('it has live children to cancel and is not closing',
   t.state >= 3 and t.closing_since is null and exists (
     select 1 from durable.tasks k where k.queue = t.queue and k.parent = t.id and k.on_close = 0 and k.state < 3)),
  -- Of what is being purged a part is left.
  ('it counts its checkpoints wrong',
   t.state < 6 and t.checkpoints <> (select count(*) from durable.history h where h.queue = t.queue and h.task = t.id and h.kind < 100 and not h.aside)),
  ('its orders have gaps',
   t.state < 6
   and (t.last_order <> (select count(*) from durable.history h where h.queue = t.queue and h.task = t.id)
     or t.last_order <> (select coalesce(max(h.ord), 0) from durable.history h where h.queue = t.queue and h.task = t.id))),
  ('a wait and a checkpoint have one key',
   exists (select 1 from durable.waits w join durable.history h on h.queue = w.queue and h.task = w.task and h.key = w.key and not h.aside
           where w.queue = t.queue and w.task = t.id))
) as broken (what, fails)
where broken.fails
union all
select 'event ' || e.name || ': a wait stands for what is written'
from durable.events e
where e.written_at is not null and e.first_unreached is null
  and exists (select 1 from durable.waits w where w.queue = e.queue and w.event = e.name)
