-- Inserts tasks with their inputs; a child whose id is there already is passed over. The arrays are materialized:
-- json_each would write a row's text anew for each of its columns.
--
-- parameters  $1 queue, $2 now, $3 one array for each task (JSON): id, depth, parent, join_key, on_close, name, priority,
--             max_pending, max_running, idem_key, fingerprint, max_attempts, until when it is delayed, due, params,
--             headers, policy
-- returns     nothing
-- index       durable_tasks_id
with n as materialized (select j.value from json_each($3) j)
insert into durable_tasks (
    queue, id, depth, parent, join_key, on_close, name, priority, max_pending, max_running, idem_key, fingerprint,
    max_attempts, state, why, available_at, due, spawned_at, attempt, limit_from, claims, last_order, checkpoints
)
select $1, n.value ->> 0, n.value ->> 1, n.value ->> 2, n.value ->> 3, n.value ->> 4, n.value ->> 5, n.value ->> 6,
       n.value ->> 7, n.value ->> 8, n.value ->> 9, n.value ->> 10, n.value ->> 11,
       iif(n.value ->> 12 is null, 1, 0), iif(n.value ->> 12 is null, null, 0), coalesce(n.value ->> 12, $2), n.value ->> 13,
       $2, 1, $2, 0, 0, 0
from n
where true
on conflict do nothing;

with n as materialized (select j.value from json_each($3) j)
insert into durable_inputs (task, params, headers, policy)
select t.seq, n.value ->> 14, n.value ->> 15, n.value ->> 16
from n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value ->> 0
where true
on conflict do nothing
