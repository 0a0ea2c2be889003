-- Reads how a task ended.
--
-- parameters  $1 queue, $2 id
-- returns     one row if there is the queue; the task's columns are null without it
-- locks       none
-- index       queues_pkey, tasks_pkey
select t.state, t.why, t.end_kind, t.end_text, t.end_at
from durable.queues q
left join durable.tasks t on t.queue = q.name and t.id = $2 and t.state < 6
where q.name = $1
