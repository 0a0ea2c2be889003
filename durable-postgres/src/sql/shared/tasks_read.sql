-- Reads tasks that an earlier statement of the transaction has locked, and the clock after it has them.
--
-- parameters  $1 queue, $2 ids uuid[], $3 now (null: the server's clock)
-- returns     now, and one row for each task; one row with null columns when there is none
-- locks       none
-- index       tasks_pkey, tasks_children
select c.now, t.id, t.depth, t.parent, t.join_key, t.name, t.max_pending, t.max_running, t.spawned_at, t.state, t.why,
       t.available_at, t.on_close, t.max_attempts, t.attempt, t.limit_from, t.first_started_at, t.ended_at,
       t.end_kind, t.end_text, t.end_at, t.closing_since, t.claims, t.call, t.worker, t.lease, t.expires_at,
       t.closed, t.closed_due, t.need, t.rest_due, t.last_order, t.checkpoints,
       coalesce((
         select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1
       ), false) as has_children
from (
  select coalesce($3::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
left join (
  unnest($2::uuid[]) as i (id)
  cross join lateral (select k.* from durable.tasks k where k.queue = $1 and k.id = i.id offset 0) t
) on t.state < 6
