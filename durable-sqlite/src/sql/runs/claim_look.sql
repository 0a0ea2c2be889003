-- Reads what a claim has to know before it takes.
--
-- parameters  $1 queue, $2 now, $3 call
-- returns     the queue's state, whether something is due, whether the call holds tasks; no row without the queue
-- index       durable_queues' key, durable_tasks_due, durable_tasks_held
select q.state,
       exists (
         select 1 from durable_tasks t indexed by durable_tasks_due
         where t.queue = $1 and t.due is not null and t.due <= $2
       ) as due,
       exists (
         select 1 from durable_tasks t indexed by durable_tasks_held
         where t.queue = $1 and t.call = $3 and t.state = 2 and t.expires_at > $2
       ) as held
from durable_queues q
where q.name = $1
