-- Reads how a task ended.
--
-- parameters  $1 queue, $2 id
-- returns     one row if there is the queue; the task's columns are null without it
-- index       durable_queues' key, durable_tasks_id
select t.state, t.why, t.end_kind, t.end_text, t.end_at
from durable_queues q
left join durable_tasks t on t.queue = q.name and t.id = $2
where q.name = $1
