-- Reads one task.
--
-- parameters  $1 queue, $2 id
-- returns     the task, and whether it is closing; no row without it
-- locks       none
-- index       tasks_pkey, tasks_children
select t.*, t.closing_since is not null and coalesce((
         select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1
       ), false) as closing
from durable.tasks t
where t.queue = $1 and t.id = $2 and t.state < 6
