-- Stores checkpoints without effects, all or none, where the tasks' own rows decide.
--
-- Whoever changes what belongs to a task writes its row, too: a row that is locked as the snapshot has it makes the rest of
-- the snapshot true. Of core it repeats the fence (C3), the lease that a checkpoint leaves (C4), and when a running task is due.
--
-- parameters  $1 queue, $2 now (null: the server's clock), then one array for each column: $3 to $9; each task once
-- returns     place from 1 and the end of the lease for each; no row when one is locked, fenced or not new: nothing is written
-- locks       the tasks for update, skipping what is locked
-- index       tasks_pkey, history_key, waits_pkey
with known as materialized (
  select i.*, c.now, t.place, t.last_order, t.attempt, t.worker,
         greatest(t.expires_at, least(c.now + t.lease, 253402300799999)) as until
  from (
    select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
  ) c
  cross join unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::smallint[], $8::text[], $9::bigint[])
    with ordinality as i (task, call, claim, key, kind, payload, took, nth)
  cross join lateral (
    select k.ctid as place, k.state, k.call, k.claims, k.expires_at, k.lease, k.last_order, k.attempt, k.worker
    from durable.tasks k where k.queue = $1 and k.id = i.task offset 0
  ) t
  where t.state = 2 and t.call = i.call and t.claims = i.claim and t.expires_at > c.now and t.attempt > 0 and t.lease > 0
    and not coalesce((
      select true from durable.history h
      where h.queue = $1 and h.task = i.task and h.key = i.key and h.key is not null and not h.aside
    ), false)
    and not coalesce((
      select true from durable.waits w where w.queue = $1 and w.task = i.task and w.key = i.key
    ), false)
), locked as materialized (
  select k.*
  from known k
  cross join lateral (
    select t.ctid as place from durable.tasks t where t.queue = $1 and t.id = k.task for update of t skip locked
  ) l
  where l.place = k.place
), new as materialized (
  select l.* from locked l where (select count(*) from locked) = cardinality($3)
), stored as (
  insert into durable.history (queue, task, ord, kind, key, end_kind, end_text, attempt, worker, started_at, ended_at)
  select $1, n.task, n.last_order + 1, n.kind, n.key, 0, n.payload, n.attempt, n.worker, n.now - n.took, n.now from new n
)
update durable.tasks t
set expires_at = n.until, due = least(n.until, t.first_started_at + t.max_running), last_order = n.last_order + 1,
    checkpoints = t.checkpoints + 1
from new n
where t.ctid = n.place
returning n.nth, n.until
