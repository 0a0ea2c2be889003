-- Tells what a claim leaves.
--
-- parameters  $1 queue, $8 names (JSON array)
-- returns     whether one of the names is pending, the earliest due time, whether marks are left that only tick works off
-- index       durable_tasks_pending, durable_tasks_due, durable_tasks_closing, durable_events_waking
select exists (
         select 1
         from json_each($8) n
         cross join durable_tasks t indexed by durable_tasks_pending on t.queue = $1 and t.name = n.value and t.state = 1
       ) as more,
       (
         select t.due from durable_tasks t indexed by durable_tasks_due
         where t.queue = $1 and t.due is not null order by t.due limit 1
       ) as next_due,
       exists (
         select 1 from durable_tasks t indexed by durable_tasks_closing
         where t.queue = $1 and t.closing_since is not null
       ) or exists (
         select 1 from durable_events e indexed by durable_events_waking
         where e.queue = $1 and e.first_unreached is not null
       ) as marks
