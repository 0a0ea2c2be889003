-- Finds the checkpoint from which a retry sets aside.
--
-- parameters  $1 queue, $2 task (locked), $3 key
-- returns     its order; no row without it
-- locks       none
-- index       history_key
select h.ord
from durable.history h
where h.queue = $1 and h.task = $2 and h.key = $3 and h.key is not null and not h.aside
