-- Finds closing tasks, the longest closing first.
--
-- parameters  $1 queue, $2 the most
-- returns     id
-- index       durable_tasks_closing
select t.id
from durable_tasks t indexed by durable_tasks_closing
where t.queue = $1 and t.closing_since is not null
order by t.closing_since, t.id
limit $2
