-- Reads the tasks that a repeated call still holds.
--
-- parameters  $1 queue, $11 call, $9 now
-- returns     as claim_take
-- index       durable_tasks_held
select t.id, t.name, t.parent, t.attempt, t.max_attempts, t.claims, t.claimed_at, t.expires_at, t.checkpoints, t.priority,
       t.available_at, i.params, i.headers, i.policy
from durable_tasks t indexed by durable_tasks_held
cross join durable_inputs i on i.task = t.seq
where t.queue = $1 and t.call = $11 and t.state = 2 and t.expires_at > $9
