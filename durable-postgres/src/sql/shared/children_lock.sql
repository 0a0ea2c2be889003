-- Locks live children that the end of their parents cancels, as far as nobody else holds them.
--
-- parameters  $1 queue, $2 parents uuid[] (ended), $3 the most
-- returns     id
-- locks       those rows for update, skipping what is locked: the mark *closing* stays for them
-- index       tasks_children
select t.id
from unnest($2::uuid[]) as p (id)
cross join lateral (
  select k.id
  from durable.tasks k
  where k.queue = $1 and k.parent = p.id and k.on_close = 0 and k.state < 3
  order by k.id
  limit $3
  for update of k skip locked
) t
limit $3
