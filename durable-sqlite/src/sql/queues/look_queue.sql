-- Tells whether something is left in a queue.
--
-- parameters  $1 name
-- returns     filled; no row without the queue
-- index       durable_queues' key, durable_tasks_id, durable_events' key, durable_garbage_queue
select exists (select 1 from durable_tasks t where t.queue = q.name)
    or exists (select 1 from durable_events e where e.queue = q.name)
    or exists (select 1 from durable_garbage g where g.queue = q.name) as filled
from durable_queues q
where q.name = $1
