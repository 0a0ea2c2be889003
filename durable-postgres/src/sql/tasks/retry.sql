-- Reopens a failed task: pending from now on with its next attempt, both limits anew.
--
-- parameters  $1 queue, $2 task (locked), $3 now, $4 attempts to add, $5 set aside from this order on (null: nothing),
--             $6 the parent lives
-- returns     nothing
-- locks       none that the transaction does not hold
-- index       tasks_pkey, history_pkey
with aside as (
  update durable.history h
  set aside = true
  where h.queue = $1 and h.task = $2 and h.ord >= $5 and h.kind < 7 and not h.aside
  returning 1
), parent as (
  -- It has a live child again: who has its row as it was shall not think that it has none.
  update durable.tasks p
  set claims = p.claims
  where p.queue = $1 and $6 and p.id = (select c.parent from durable.tasks c where c.queue = $1 and c.id = $2)
)
update durable.tasks t
set state = 1, why = null, available_at = $3, attempt = t.attempt + 1,
    -- `least` would make a limit of null.
    max_attempts = (t.max_attempts + least($4::bigint, 2147483647 - t.max_attempts::bigint))::integer,
    limit_from = $3, first_started_at = null, ended_at = null, end_kind = null, end_text = null, end_at = null,
    due = least($3 + t.max_pending, case when t.max_pending is not null then 253402300799999 end),
    closing_since = null,
    on_close = case when t.on_close is null or $6 then t.on_close else 1 end,
    checkpoints = t.checkpoints - (select count(*) from aside)
where t.queue = $1 and t.id = $2
