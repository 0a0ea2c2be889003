-- Reads the tasks that a repeated call still holds.
--
-- parameters  $1 queue, $2 call, $3 now
-- returns     as claim_take
-- locks       none
-- index       tasks_held
select t.id, t.name, t.params, t.headers, t.policy, t.parent, t.attempt, t.max_attempts, t.claims, t.expires_at, t.claimed_at,
       t.checkpoints, t.priority, t.available_at, t.due, t.on_close
from durable.tasks t
where t.queue = $1 and t.call = $2 and t.state = 2 and t.expires_at > $3
