-- Locks live children that the end of their parents cancels, as far as nobody else holds them.
--
-- parameters  $1 queue, $2 parents uuid[] (ended), $3 the most
-- returns     id
-- locks       those rows for update, skipping what is locked: the mark *closing* stays for them
-- index       tasks_children
select t.id
from tasks t
where t.queue = $1 and t.parent = any ($2::uuid[]) and t.on_close = 0 and t.state < 3
order by t.id
limit $3
for update of t skip locked
