-- Finds the tasks that are due, earliest first.
--
-- parameters  $1 queue, $2 now, $3 the most
-- returns     id, parent, and whether the task rests
-- locks       none: the candidates are locked and read again
-- index       tasks_due
select t.id, t.parent, (t.state = 0 and t.why = 2) is true as rests
from durable.tasks t
where t.queue = $1 and t.due is not null and t.due <= $2
order by t.due, t.id
limit $3
