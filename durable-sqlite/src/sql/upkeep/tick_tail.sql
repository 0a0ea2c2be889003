-- Tells what a tick has left to do.
--
-- parameters  $1 queue
-- returns     the number of closing tasks, whether an event is waking, the earliest due time
-- index       durable_tasks_closing, durable_events_waking, durable_tasks_due
select (
         select count(*) from durable_tasks t indexed by durable_tasks_closing
         where t.queue = $1 and t.closing_since is not null
       ) as closing,
       exists (
         select 1 from durable_events e indexed by durable_events_waking
         where e.queue = $1 and e.first_unreached is not null
       ) as waking,
       (
         select t.due from durable_tasks t indexed by durable_tasks_due
         where t.queue = $1 and t.due is not null order by t.due limit 1
       ) as next_due
