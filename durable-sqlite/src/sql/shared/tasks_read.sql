-- Reads tasks, and their parents if they are asked for, and whether they have live children that their end cancels.
--
-- parameters  $1 queue, $2 ids (JSON array), $3 with parents
-- returns     one row for each that is there; a parent of several comes several times
-- index       durable_tasks_id, durable_tasks_children
select t.*, exists (
    select 1 from durable_tasks k indexed by durable_tasks_children
    where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3
) as has_children
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
union all
select p.*, exists (
    select 1 from durable_tasks k indexed by durable_tasks_children
    where k.queue = $1 and k.parent = p.id and k.on_close = 0 and k.state < 3
) as has_children
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_tasks p indexed by durable_tasks_id on p.queue = $1 and p.id = t.parent
where $3
