-- Tells whether a task that has ended, or one below it, is closing.
--
-- It walks up from the marks, of which there are few, not down through all that is below. Of more than 1,000 marks
-- it says yes without looking: never a wrong no.
--
-- parameters  $1 queue, $2 id
-- returns     closing
-- locks       none
-- index       tasks_closing, tasks_pkey, tasks_children
with recursive marks as materialized (
  select t.id, t.parent, t.on_close
  from durable.tasks t
  where t.queue = $1 and t.closing_since is not null
  order by t.closing_since, t.id
  limit 1001
), above as (
  select m.id, m.parent, m.on_close
  from marks m
  where (
    select true from durable.tasks k where k.queue = $1 and k.parent = m.id and k.on_close = 0 and k.state < 3 limit 1
  )
  union
  select p.id, p.parent, p.on_close
  from above a
  cross join lateral (
    select k.id, k.parent, k.on_close from durable.tasks k where k.queue = $1 and k.id = a.parent offset 0
  ) p
  where a.on_close = 0
)
select (select count(*) from marks) > 1000 or exists (select 1 from above a where a.id = $2) as closing
