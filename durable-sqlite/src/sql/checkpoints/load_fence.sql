-- Reads what decides whether a claim may read.
--
-- parameters  $1 queue, $2 id
-- returns     seq, state, why, call, claims, expires_at; no row without the task
-- index       durable_tasks_id
select t.seq, t.state, t.why, t.call, t.claims, t.expires_at
from durable_tasks t indexed by durable_tasks_id
where t.queue = $1 and t.id = $2
