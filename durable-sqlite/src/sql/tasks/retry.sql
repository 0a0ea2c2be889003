-- Reopens a failed task: pending from now on with its next attempt, both limits anew.
--
-- parameters  $1 queue, $2 id, $3 now, $4 attempts to add, $5 set aside from this order on (null: nothing),
--             $6 the parent lives
-- returns     nothing
-- index       durable_tasks_id, durable_history's key
update durable_history
set aside = 1
where task = (select t.seq from durable_tasks t where t.queue = $1 and t.id = $2) and ord >= $5 and kind < 7 and aside = 0;

update durable_tasks
set state = 1, why = null, available_at = $3, attempt = attempt + 1,
    max_attempts = min(max_attempts + $4, 2147483647),
    limit_from = $3, first_started_at = null, ended_at = null, end_kind = null, end_text = null, end_at = null,
    due = min($3 + max_pending, 253402300799999),
    closing_since = null,
    on_close = iif(on_close is null or $6, on_close, 1),
    checkpoints = (select count(*) from durable_history h where h.task = seq and h.kind < 100 and h.aside = 0)
where queue = $1 and id = $2
