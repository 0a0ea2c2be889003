-- Reads a page of a task's history.
--
-- parameters  $1 queue, $2 task, $3 after (order), $4 the most and one
-- returns     checkpoints and failed runs, in order
-- locks       none
-- index       history_pkey
select h.ord, h.kind, h.key, h.end_kind, h.end_text, h.end_at, h.attempt, h.worker, h.started_at, h.ended_at, h.aside
from durable.history h
where h.queue = $1 and h.task = $2 and h.ord > $3
order by h.ord
limit $4
