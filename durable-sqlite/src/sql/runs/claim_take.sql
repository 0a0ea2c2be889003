-- Takes pending tasks, in the order of all names together, as far as their payloads have room; the first always has.
--
-- parameters  $1 queue, $8 names (JSON array, each once), $9 now, $10 the most, $11 call, $12 worker, $13 lease,
--             $14 the most bytes of payload
-- returns     the taken tasks with their inputs, in no order
-- index       durable_tasks_pending, durable_inputs' key
update durable_tasks
set state = 2, call = $11, claims = claims + 1, worker = $12, lease = $13, claimed_at = $9, closed = null, closed_due = null,
    expires_at = min($9 + $13, 253402300799999),
    first_started_at = coalesce(first_started_at, $9),
    due = min($9 + $13, coalesce(coalesce(first_started_at, $9) + max_running, $9 + $13), 253402300799999)
where seq in (
    select f.seq
    from (
        select c.seq, sum(c.bytes) over (order by c.priority desc, c.available_at, c.id) as total, c.bytes
        from (
            select t.seq, t.priority, t.available_at, t.id,
                   octet_length(i.params) + octet_length(i.headers) + octet_length(i.policy) as bytes
            from json_each($8) n
            cross join durable_tasks t on t.seq in (
                select k.seq from durable_tasks k indexed by durable_tasks_pending
                where k.queue = $1 and k.name = n.value and k.state = 1 and (k.due is null or k.due > $9)
                order by k.priority desc, k.available_at, k.id
                limit $10
            )
            cross join durable_inputs i on i.task = t.seq
            order by t.priority desc, t.available_at, t.id
            limit $10
        ) c
    ) f
    where f.total <= $14 or f.total = f.bytes
)
returning id, name, parent, attempt, max_attempts, claims, claimed_at, expires_at, checkpoints, priority, available_at,
    (select i.params from durable_inputs i where i.task = seq) as params,
    (select i.headers from durable_inputs i where i.task = seq) as headers,
    (select i.policy from durable_inputs i where i.task = seq) as policy
