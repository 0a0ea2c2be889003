-- Locks tasks, and their parents if asked, waiting for them.
--
-- parameters  $1 queue, $2 ids uuid[], $3 their parents, too
-- returns     id of every locked row
-- locks       those rows for update, ancestors before descendants, ids ascending
-- index       tasks_pkey
select t.id
from tasks t
where t.queue = $1
  and t.id = any (array(
    select i from unnest($2::uuid[]) i
    union
    select p.parent from tasks p where p.queue = $1 and p.id = any ($2) and p.parent is not null and $3
  ))
order by t.depth, t.id
for update of t
