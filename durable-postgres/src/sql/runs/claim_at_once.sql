-- Completes runs and takes pending tasks, all or nothing, where nothing else is to be done first.
--
-- Whoever changes what belongs to a task writes its row, too: a row that is locked as the snapshot has it makes the rest of
-- the snapshot true. Of core it repeats the fence (C3) and what a task is once it is completed; a child, a task with live
-- children and one with waits are left to the transaction. The rest is claim_look and claim_take in one.
--
-- parameters  $1 queue, $2 names text[] (each once), $3 now (null: the server's clock), $4 the most, $5 the most candidates
--             (more than $4), $6 call, $7 worker, $8 lease, $9 the most bytes of payload; one task may be larger,
--             then the runs to complete, each task once: $10 tasks uuid[], $11 calls uuid[], $12 claims bigint[], $13 results text[]
-- returns     whether it is done (else nothing is written), now, the number of candidates, and the earliest due time of what was not
--             taken, with every taken task, or once with null columns
-- locks       the call, by an advisory lock; the completed and the taken rows for update; skipping what is locked
-- index       queues_pkey, tasks_due, tasks_held, tasks_closing, tasks_closing_below, tasks_children, events_waking, waits_event,
--             waits_pkey, tasks_pkey, tasks_pending
with look as materialized (
  select c.now,
         coalesce((select q.state = 0 from durable.queues q where q.name = $1), false)
         and coalesce((
           select t.due from durable.tasks t where t.queue = $1 and t.due is not null order by t.due, t.id limit 1
         ) > c.now, true)
         and not exists (
           select 1 from durable.tasks t
           where t.queue = $1 and t.closing_since is not null
             and (select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1)
         )
         and not exists (
           select 1 from durable.events e
           where e.queue = $1 and e.first_unreached is not null
             and (select true from durable.waits w where w.queue = $1 and w.event = e.name limit 1)
         )
         and pg_try_advisory_xact_lock(hashtextextended('durable claim ' || $6::uuid::text, 0))
         and not exists (
           select 1 from durable.tasks t where t.queue = $1 and t.call = $6 and t.state = 2 and t.expires_at > c.now
         ) as clear
  from (
    select coalesce($3::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
  ) c
), ended as materialized (
  select k.place, e.task, e.result, look.now
  from look
  cross join unnest($10::uuid[], $11::uuid[], $12::bigint[], $13::text[]) as e (task, call, claim, result)
  cross join lateral (
    select t.ctid as place, t.state, t.call, t.claims, t.expires_at, t.attempt, t.parent
    from durable.tasks t where t.queue = $1 and t.id = e.task offset 0
  ) k
  cross join lateral (
    select t.ctid as place from durable.tasks t where t.queue = $1 and t.id = e.task for update of t skip locked
  ) l
  where look.clear and l.place = k.place
    and k.state = 2 and k.call = e.call and k.claims = e.claim and k.expires_at > look.now and k.attempt > 0 and k.parent is null
    and not coalesce((
      select true from durable.tasks c where c.queue = $1 and c.parent = e.task and c.on_close = 0 and c.state < 3 limit 1
    ), false)
    and not coalesce((select true from durable.waits w where w.queue = $1 and w.task = e.task limit 1), false)
), candidates as materialized (
  select c.id, c.place, row_number() over (order by c.priority desc, c.available_at, c.id) as ord
  from look
  cross join unnest($2::text[]) as n (name)
  cross join lateral (
    select t.id, t.ctid as place, t.priority, t.available_at
    from durable.tasks t
    where t.queue = $1 and t.name = n.name and t.state = 1 and (t.due is null or t.due > look.now)
    order by t.priority desc, t.available_at, t.id
    limit $5
  ) c
  where look.clear and (select count(*) from ended) = cardinality($10)
  order by c.priority desc, c.available_at, c.id
  limit $5
), locked as materialized (
  select l.place, l.bytes, l.attempt, c.ord
  from candidates c
  cross join lateral (
    -- `+ 0`, so that of all indexes only the primary key fits.
    select t.ctid as place, t.attempt, octet_length(t.params) + octet_length(t.headers) + octet_length(t.policy) as bytes
    from durable.tasks t where t.queue = $1 and t.id = c.id and t.state + 0 = 1
    for update of t skip locked
  ) l
  where l.place = c.place
  limit $4
), verdict as materialized (
  -- What cannot be decoded, and many candidates that others hold, are left to the transaction.
  select look.now,
         look.clear and (select count(*) from ended) = cardinality($10)
         and ((select count(*) from locked) = $4 or (select count(*) from candidates) < $5)
         and not exists (select 1 from locked l where l.attempt < 1) as done
  from look
), fitting as (
  select f.place
  from (select l.*, sum(l.bytes) over (order by l.ord) as total from locked l) f
  where f.total <= $9 or f.total = f.bytes
), completed as (
  update durable.tasks t
  set state = 3, available_at = null, due = null, ended_at = e.now, end_kind = 0, end_text = e.result, end_at = null,
      expires_at = null, closed = 1, closed_due = null, need = null, rest_due = null
  from ended e
  where t.ctid = e.place and (select v.done from verdict v)
), taken as (
  update durable.tasks t
  set state = 2, call = $6, claims = t.claims + 1, worker = $7, lease = $8, claimed_at = v.now, closed = null, closed_due = null,
      expires_at = least(v.now + $8, 253402300799999),
      first_started_at = coalesce(t.first_started_at, v.now),
      due = least(v.now + $8, coalesce(t.first_started_at, v.now) + t.max_running, 253402300799999)
  from verdict v
  where v.done and t.ctid = any (array(select f.place from fitting f))
  returning t.id, t.name, t.params, t.headers, t.policy, t.parent, t.attempt, t.max_attempts, t.claims, t.expires_at, t.claimed_at,
            t.checkpoints, t.priority, t.available_at, t.due, t.on_close
)
select v.done, v.now, (select count(*) from candidates) as candidates,
       (
         select t.due from durable.tasks t
         where t.queue = $1 and t.due is not null
           and t.id <> all (array(select e.task from ended e union all select k.id from taken k))
         order by t.due, t.id
         limit 1
       ) as next_due,
       taken.*
from verdict v
left join taken on true
