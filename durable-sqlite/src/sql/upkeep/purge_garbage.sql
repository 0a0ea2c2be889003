-- Finds history of garbage, the oldest garbage first.
--
-- parameters  $1 queue, $2 the most
-- returns     task, ord
-- index       durable_garbage_queue, durable_history's key
select h.task, h.ord
from durable_garbage g indexed by durable_garbage_queue
cross join durable_history h on h.task = g.task
where g.queue = $1
order by g.task, h.ord
limit $2
