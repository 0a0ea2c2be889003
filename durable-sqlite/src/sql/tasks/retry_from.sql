-- Finds the checkpoint from which a retry sets aside.
--
-- parameters  $1 queue, $2 id, $3 key
-- returns     its order; no row without it
-- index       durable_tasks_id, durable_history_key
select h.ord
from durable_tasks t indexed by durable_tasks_id
cross join durable_history h indexed by durable_history_key
    on h.task = t.seq and h.key = $3 and h.key is not null and h.aside = 0
where t.queue = $1 and t.id = $2
