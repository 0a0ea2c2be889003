-- Tells what a tick has left to do.
--
-- parameters  $1 queue
-- returns     the number of closing tasks, counted to 1,000: of a wide tree there may be as many as tasks; whether an event is waking, the earliest due time
-- locks       none
-- index       tasks_closing, tasks_closing_below, tasks_children, events_waking, waits_event, tasks_due
select (
         select count(*)
         from (
           select 1 from durable.tasks t
           where t.queue = $1 and t.closing_since is not null
             and (select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1)
           limit 1000
         ) c
       ) as closing,
       exists (
         select 1 from durable.events e
         where e.queue = $1 and e.first_unreached is not null
           and (select true from durable.waits w where w.queue = $1 and w.event = e.name limit 1)
       ) as waking,
       (select t.due from durable.tasks t where t.queue = $1 and t.due is not null order by t.due, t.id limit 1) as next_due
