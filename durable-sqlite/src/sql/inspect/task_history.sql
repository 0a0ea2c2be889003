-- Reads a page of a task's history.
--
-- parameters  $1 queue, $2 id, $3 after (order), $4 the most and one
-- returns     checkpoints and failed runs, in order
-- index       durable_tasks_id, durable_history's key
select h.ord, h.kind, h.key, h.end_kind, h.end_text, h.end_at, h.attempt, h.worker, h.started_at, h.ended_at, h.aside
from durable_tasks t indexed by durable_tasks_id
cross join durable_history h on h.task = t.seq and h.ord > $3
where t.queue = $1 and t.id = $2
order by h.ord
limit $4
