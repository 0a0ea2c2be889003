-- Reads a page of tasks by id. At most 1,000 are examined; those that do not match leave the page short.
--
-- parameters  $1 queue, $2 after (id), $3 the most examined
-- returns     the tasks
-- index       durable_tasks_id
select t.*, i.params, i.headers, i.policy
from durable_tasks t indexed by durable_tasks_id
cross join durable_inputs i on i.task = t.seq
where t.queue = $1 and t.id > $2
order by t.id
limit $3
