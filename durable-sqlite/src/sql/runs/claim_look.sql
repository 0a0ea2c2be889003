-- Reads what a claim has to know before it takes.
--
-- parameters  $1 queue, $4 call
-- returns     the queue's state, when the first thing is due, until when at most the call holds tasks; no row without the queue
-- index       durable_queues' key, durable_tasks_due, durable_tasks_held
select q.state,
       (
         select t.due from durable_tasks t indexed by durable_tasks_due
         where t.queue = $1 and t.due is not null order by t.due limit 1
       ) as due,
       (
         select max(t.expires_at) from durable_tasks t indexed by durable_tasks_held
         where t.queue = $1 and t.call = $4 and t.state = 2
       ) as held_until
from durable_queues q
where q.name = $1
