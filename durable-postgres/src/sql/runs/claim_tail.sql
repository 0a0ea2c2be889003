-- Tells what a claim that takes nothing leaves.
--
-- parameters  $1 queue, $2 names text[]
-- returns     whether one of the names is pending, the earliest due time
-- locks       none
-- index       tasks_pending, tasks_due
select exists (
         select 1
         from unnest($2::text[]) as n (name)
         cross join lateral (
           select 1 from durable.tasks t where t.queue = $1 and t.name = n.name and t.state = 1 limit 1
         ) p
       ) as more,
       (select t.due from durable.tasks t where t.queue = $1 and t.due is not null order by t.due, t.id limit 1) as next_due
