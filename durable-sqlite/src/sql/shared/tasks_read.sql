-- Reads tasks, and their parents if they are asked for, and whether they have live children that their end cancels.
--
-- parameters  $1 queue, $2 ids (JSON array), $3 with parents
-- returns     one row for each that is there; one that is asked for twice may come twice
-- index       durable_tasks_id, durable_tasks' key, durable_tasks_children
with wanted (seq) as (
    select t.seq
    from json_each($2) n
    cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
    union all
    select p.seq
    from json_each($2) n
    cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
    cross join durable_tasks p indexed by durable_tasks_id on p.queue = $1 and p.id = t.parent
    where $3
)
select t.seq, t.id, t.depth, t.parent, t.join_key, t.name, t.max_pending, t.max_running, t.spawned_at, t.state, t.why,
       t.available_at, t.max_attempts, t.attempt, t.limit_from, t.first_started_at, t.ended_at, t.end_kind,
       t.end_text, t.end_at, t.closing_since, t.claims, t.call, t.worker, t.lease, t.expires_at, t.closed,
       t.closed_due, t.need, t.rest_due, t.last_order, t.checkpoints,
       exists (
           select 1 from durable_tasks k indexed by durable_tasks_children
           where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3
       ) as has_children
from wanted w
cross join durable_tasks t on t.seq = w.seq
