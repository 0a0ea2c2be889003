-- Finds the tasks that are due, earliest first.
--
-- parameters  $1 queue, $2 now, $3 the most
-- returns     id
-- index       durable_tasks_due
select t.id
from durable_tasks t indexed by durable_tasks_due
where t.queue = $1 and t.due is not null and t.due <= $2
order by t.due, t.id
limit $3
