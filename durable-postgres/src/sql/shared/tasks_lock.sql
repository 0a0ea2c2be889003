-- Locks tasks, and their parents if asked, waiting for them.
--
-- parameters  $1 queue, $2 ids uuid[], $3 their parents, too
-- returns     id of every locked row
-- locks       those rows for update, ancestors before descendants, ids ascending
-- index       tasks_pkey
with wanted as materialized (
  select t.id
  from (
    select i.id from unnest($2::uuid[]) as i (id)
    union
    select p.parent
    from unnest($2::uuid[]) as i (id)
    cross join lateral (select c.parent from durable.tasks c where c.queue = $1 and c.id = i.id offset 0) p
    where $3::boolean and p.parent is not null
  ) i
  cross join lateral (select k.id, k.depth from durable.tasks k where k.queue = $1 and k.id = i.id offset 0) t
  order by t.depth, t.id
)
select l.id
from wanted w
cross join lateral (
  select t.id from durable.tasks t where t.queue = $1 and t.id = w.id for update of t
) l
