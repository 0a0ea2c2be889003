-- Counts tasks by state. It reads the whole queue.
--
-- parameters  $1 queue, $2 now
-- returns     state, count, and how many of them a claim could take now
-- index       durable_tasks_id, durable_waits_key
select c.state, count(*) as count,
       sum((c.until is null or c.until > $2) and (
         c.state = 1
         or c.state = 0 and c.why in (0, 1) and c.available_at <= $2
         or c.state = 0 and c.why = 2 and c.rest_due <= $2 and c.need <= (
           select count(*) from durable_waits w where w.task = c.seq and w.rests = c.claims and w.deadline <= $2
         )
         or c.state = 2 and c.expires_at <= $2 and (c.max_attempts is null or c.attempt < c.max_attempts)
       )) as ready
from (
    select t.*, iif(t.first_started_at is null, t.limit_from + t.max_pending, t.first_started_at + t.max_running) as until
    from durable_tasks t
    where t.queue = $1
) c
group by c.state
