-- Writes back what changed of locked tasks, and drops the waits of those that have ended.
--
-- parameters  $1 queue, then one array for each column, in the order of `w`
-- returns     nothing
-- locks       none that the transaction does not hold
-- index       tasks_pkey, waits_pkey
with ended as (
  delete from durable.waits w
  where w.ctid = any (array(
    select x.ctid
    from unnest($2::uuid[], $3::smallint[]) as e (id, state)
    cross join lateral (select v.ctid from durable.waits v where v.queue = $1 and v.task = e.id offset 0) x
    where e.state >= 3
  ))
)
update durable.tasks t
set state = w.state, why = w.why, available_at = w.available_at, due = w.due, attempt = w.attempt,
    ended_at = w.ended_at, end_kind = w.end_kind, end_text = w.end_text, end_at = w.end_at,
    closing_since = w.closing_since, expires_at = w.expires_at, closed = w.closed, closed_due = w.closed_due,
    need = w.need, rest_due = w.rest_due, last_order = w.last_order, checkpoints = w.checkpoints
from unnest($2::uuid[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[],
            $9::smallint[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[],
            $15::bigint[], $16::integer[], $17::bigint[], $18::bigint[], $19::bigint[])
  as w (id, state, why, available_at, due, attempt, ended_at, end_kind, end_text, end_at, closing_since, expires_at,
        closed, closed_due, need, rest_due, last_order, checkpoints)
cross join lateral (select k.ctid from durable.tasks k where k.queue = $1 and k.id = w.id offset 0) k
where t.ctid = k.ctid
