-- Counts tasks by state. It reads the whole queue.
--
-- parameters  $1 queue, $2 now (null: the server's clock)
-- returns     state, count, and how many of them a claim could take now
-- locks       none
-- index       tasks_pkey, waits_pkey
select t.state, count(*) as count,
       count(*) filter (where
         (l.until is null or l.until > c.now)
         and (t.state = 1
           or t.state = 0 and t.why in (0, 1) and t.available_at <= c.now
           or t.state = 0 and t.why = 2 and t.rest_due <= c.now and t.need <= (
             select count(*) from durable.waits w
             where w.queue = $1 and w.task = t.id and w.rests = t.claims and w.deadline <= c.now
           )
           or t.state = 2 and t.expires_at <= c.now and (t.max_attempts is null or t.attempt < t.max_attempts))
       ) as ready
from (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
join durable.tasks t on t.queue = $1 and t.state < 6
cross join lateral (
  select case when t.first_started_at is null then t.limit_from + t.max_pending
              else t.first_started_at + t.max_running end as until
) l
group by t.state
