-- Reads checkpoints in the order they were stored.
--
-- parameters  $1 task (seq), $2 after (order), $3 the most and one
-- returns     the checkpoints
-- index       durable_history's key
select h.ord, h.kind, h.key, h.end_kind, h.end_text, h.end_at, h.attempt, h.worker, h.started_at, h.ended_at
from durable_history h
where h.task = $1 and h.ord > $2 and h.kind < 100 and h.aside = 0
order by h.ord
limit $3
