-- Finds live children that the ends of their parents cancel.
--
-- parameters  $1 queue, $2 parents (JSON array), $3 the most
-- returns     id
-- index       durable_tasks_children
select k.id
from json_each($2) n
cross join durable_tasks k on k.seq in (
    select c.seq from durable_tasks c indexed by durable_tasks_children
    where c.queue = $1 and c.parent = n.value and c.on_close = 0 and c.state < 3
    order by c.id
    limit $3
)
order by n.key, k.id
limit $3
