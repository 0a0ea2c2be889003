-- Reads the queue's state, and the tasks that have an id or an idempotency key of those to spawn.
--
-- parameters  $1 queue, $2 ids (JSON array), $3 idempotency keys (JSON array)
-- returns     state, and with it id, idem_key and fingerprint of each, or once with nulls; no row without the queue
-- index       durable_queues' key, durable_tasks_id, durable_tasks_idempotency
select q.state, e.id, e.idem_key, e.fingerprint
from durable_queues q
left join (
    select t.id, t.idem_key, t.fingerprint
    from json_each($2) n
    cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
    union all
    select t.id, t.idem_key, t.fingerprint
    from json_each($3) n
    cross join durable_tasks t indexed by durable_tasks_idempotency
        on t.queue = $1 and t.idem_key = n.value and t.idem_key is not null
) e
where q.name = $1
