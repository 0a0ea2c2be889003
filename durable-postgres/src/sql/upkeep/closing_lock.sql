-- Locks closing tasks that nobody else holds, the longest closing first.
--
-- parameters  $1 queue, $2 the most
-- returns     id
-- locks       those rows for update, skipping what is locked
-- index       tasks_closing
select t.id
from durable.tasks t
where t.queue = $1 and t.closing_since is not null
order by t.closing_since, t.id
limit $2
for update of t skip locked
