-- Reads the clock and the queue before a tick.
--
-- parameters  $1 queue, $2 now (null: the server's clock)
-- returns     now, the queue's state (null: no such queue), whether something is due
-- locks       none
-- index       queues_pkey, tasks_due
select c.now, (select q.state from durable.queues q where q.name = $1) as state,
       coalesce((
         select t.due from durable.tasks t where t.queue = $1 and t.due is not null order by t.due, t.id limit 1
       ) <= c.now, false) as due
from (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
