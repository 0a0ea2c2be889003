-- Finds ended tasks to remove, oldest first, until the budget is used up.
--
-- A task costs a record for itself and one for each entry of its history. One that is closing stays.
--
-- parameters  $1 queue, $2 states (JSON array), $3 ended at this time or before, $4 the most records
-- returns     seq
-- index       durable_tasks_ended
select p.seq
from (
    select c.seq, c.last_order,
           sum(1 + c.last_order) over (order by c.ended_at, c.id) - 1 - c.last_order as before
    from (
        select t.seq, t.ended_at, t.id, t.last_order
        from json_each($2) n
        cross join durable_tasks t on t.seq in (
            select k.seq from durable_tasks k indexed by durable_tasks_ended
            where k.queue = $1 and k.state = n.value and k.state >= 3 and k.ended_at <= $3 and k.closing_since is null
            order by k.ended_at, k.id
            limit $4
        )
        order by t.ended_at, t.id
        limit $4
    ) c
) p
where p.before < $4
