-- Counts tasks by state, and how many a claim could take now. Of the queue it reads indexes, and of the tasks that are
-- due as many as it is told.
--
-- parameters  $1 queue, $2 now, $3 the most due tasks
-- returns     tasks in all, of each state but sleeping, and ready
-- index       durable_tasks_id, durable_tasks_pending, durable_tasks_held, durable_tasks_ended, durable_tasks_due
with due as materialized (
    select t.*, iif(t.first_started_at is null, t.limit_from + t.max_pending, t.first_started_at + t.max_running) as until
    from durable_tasks t indexed by durable_tasks_due
    where t.queue = $1 and t.due is not null and t.due <= $2
    order by t.due, t.id
    limit $3
), live as (
    select (select count(*) from durable_tasks t indexed by durable_tasks_id where t.queue = $1) as tasks,
           (select count(*) from durable_tasks t indexed by durable_tasks_pending where t.queue = $1 and t.state = 1) as pending,
           (select count(*) from durable_tasks t indexed by durable_tasks_held where t.queue = $1 and t.state = 2) as running
), ended as (
    select total(t.state = 3) as completed, total(t.state = 4) as failed, total(t.state = 5) as cancelled
    from durable_tasks t indexed by durable_tasks_ended
    where t.queue = $1 and t.state >= 3
), moved as (
    select total(iif(
             d.until <= $2,
             -- Past its limit it is cancelled: one that is pending is counted as ready.
             -(d.state = 1),
             d.state = 0 and d.why in (0, 1) and d.available_at <= $2
               or d.state = 0 and d.why = 2 and d.rest_due <= $2 and d.need <= (
                 select count(*) from durable_waits w where w.task = d.seq and w.rests = d.claims and w.deadline <= $2
               )
               or d.state = 2 and d.expires_at <= $2 and (d.max_attempts is null or d.attempt < d.max_attempts)
           )) as ready
    from due d
)
select l.tasks, l.pending, l.running, cast(e.completed as integer) as completed, cast(e.failed as integer) as failed,
       cast(e.cancelled as integer) as cancelled, cast(l.pending + m.ready as integer) as ready
from live l, ended e, moved m
