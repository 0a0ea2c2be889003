-- Reads tasks, and their parents if they are asked for, and whether they have live children that their end cancels.
--
-- parameters  $1 queue, $2 ids (JSON array), $3 with parents
-- returns     one row for each that is there; a parent of several comes several times
-- index       durable_tasks_id, durable_tasks_children
select t.seq, t.id, t.depth, t.parent, t.join_key, t.name, t.max_pending, t.max_running, t.spawned_at, t.state, t.why,
       t.available_at, t.max_attempts, t.attempt, t.limit_from, t.first_started_at, t.ended_at, t.end_kind,
       t.end_text, t.end_at, t.closing_since, t.claims, t.call, t.worker, t.lease, t.expires_at, t.closed,
       t.closed_due, t.need, t.rest_due, t.last_order, t.checkpoints,
       exists (
    select 1 from durable_tasks k indexed by durable_tasks_children
    where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3
) as has_children
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
union all
select p.seq, p.id, p.depth, p.parent, p.join_key, p.name, p.max_pending, p.max_running, p.spawned_at, p.state, p.why,
       p.available_at, p.max_attempts, p.attempt, p.limit_from, p.first_started_at, p.ended_at, p.end_kind,
       p.end_text, p.end_at, p.closing_since, p.claims, p.call, p.worker, p.lease, p.expires_at, p.closed,
       p.closed_due, p.need, p.rest_due, p.last_order, p.checkpoints,
       exists (
    select 1 from durable_tasks k indexed by durable_tasks_children
    where k.queue = $1 and k.parent = p.id and k.on_close = 0 and k.state < 3
) as has_children
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_tasks p indexed by durable_tasks_id on p.queue = $1 and p.id = t.parent
where $3
