-- Inserts tasks; what exists already, by id or by idempotency key, is passed over.
--
-- parameters  $1 queue, $2 now (null: the server's clock), then one array for each column: $3 to $18
-- returns     the queue's state (null: no such queue), the ids of the new tasks, and the earliest due time of those that
--             are not ready at once
-- locks       the queue for key share, the new rows
-- index       queues_pkey, tasks_pkey, tasks_idempotency
with q as materialized (
  select state from durable.queues where name = $1 for key share
), c as materialized (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now,
         -- Waits are counted from the next whole millisecond, unless the clock is given (K2).
         coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint + 1) as now_up
), n as materialized (
  select n.*, c.now, case when n.delay > 0 then least(c.now_up + n.delay, 253402300799999) else c.now end as available_at
  from q, c, unnest($3::uuid[], $4::integer[], $5::uuid[], $6::text[], $7::smallint[], $8::text[], $9::smallint[],
              $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::integer[], $16::text[],
              $17::text[], $18::text[])
         with ordinality
         as n (id, depth, parent, join_key, on_close, name, priority, max_pending, max_running, idem_key, fingerprint,
               delay, max_attempts, params, headers, policy, place)
  where q.state <> 2
), inserted as (
  insert into durable.tasks (queue, id, depth, parent, join_key, on_close, name, priority, max_pending, max_running,
                     spawned_at, idem_key, fingerprint, state, why, available_at, due, max_attempts, attempt,
                     limit_from, claims, last_order, checkpoints, params, headers, policy)
  select $1, n.id, n.depth, n.parent, n.join_key, n.on_close, n.name, n.priority, n.max_pending, n.max_running,
         n.now, n.idem_key, n.fingerprint,
         case when n.delay > 0 then 0 else 1 end, case when n.delay > 0 then 0 end, n.available_at,
         least(case when n.delay > 0 then n.available_at end,
               case when n.max_pending is not null then least(n.now + n.max_pending, 253402300799999) end),
         n.max_attempts, 1, n.now, 0, 0, 0, n.params, n.headers, n.policy
  from n
  order by n.place
  on conflict do nothing
  returning id, state, due
)
select (select state from q) as state, array(select id from inserted) as created,
       (select min(i.due) from inserted i where i.state = 0) as next_due
