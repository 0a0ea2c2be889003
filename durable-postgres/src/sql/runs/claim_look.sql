-- Reads what a claim has to know before it takes: the clock, the queue, what is due, what the call holds.
--
-- parameters  $1 queue, $2 now (null: the server's clock), $3 call
-- returns     now, the queue's state (null: no such queue), whether something is due, whether the call holds tasks,
--             whether marks are left that only tick works off
-- locks       the call, by an advisory lock
-- index       queues_pkey, tasks_due, tasks_held, tasks_closing, tasks_closing_below, tasks_children,
--             events_waking, waits_event
select c.now,
       -- An attempt of the same call may still be under way, also one whose caller has gone: it ends first.
       pg_advisory_xact_lock(hashtextextended('durable claim ' || $3::uuid::text, 0)) is not null as alone,
       (select q.state from durable.queues q where q.name = $1) as state,
       coalesce((
         select t.due from durable.tasks t where t.queue = $1 and t.due is not null order by t.due, t.id limit 1
       ) <= c.now, false) as due,
       exists (select 1 from durable.tasks t where t.queue = $1 and t.call = $3 and t.state = 2 and t.expires_at > c.now) as held,
       exists (
         select 1 from durable.tasks t
         where t.queue = $1 and t.closing_since is not null
           and (select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1)
       ) or exists (
         select 1 from durable.events e
         where e.queue = $1 and e.first_unreached is not null
           and (select true from durable.waits w where w.queue = $1 and w.event = e.name limit 1)
       ) as marks
from (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
