-- What must hold of the tables at any moment; one line for each thing that does not.
with task as (
    select t.*,
           (select min(w.deadline) from durable_waits w where w.task = t.seq and w.rests = t.claims) as earliest,
           (select count(*) from durable_waits w where w.task = t.seq and w.rests = t.claims) as rested,
           min(iif(t.first_started_at is null, t.limit_from + t.max_pending, t.first_started_at + t.max_running),
               253402300799999) as until
    from durable_tasks t
)
select 'task ' || id || ': due is not the earliest of what is to come'
from task
where due is not iif(state >= 3, null, (
    select min(at) from (
        select until as at
        union all select iif(state = 0, iif(why = 2, rest_due, available_at), iif(state = 2, expires_at, null))
    )
))
union all
select 'task ' || id || ': it rests, and its earliest deadline is another' from task
where state = 0 and why = 2 and rest_due is not earliest
union all
select 'task ' || id || ': it rests on fewer waits than it needs' from task
where state = 0 and why = 2 and coalesce(need, 0) not between 1 and rested
union all
select 'task ' || id || ': it has ended and waits' from task
where state >= 3 and exists (select 1 from durable_waits w where w.task = seq)
union all
select 'task ' || id || ': it has ended without an end' from task
where (state >= 3) <> (end_kind is not null and ended_at is not null)
union all
select 'task ' || id || ': it runs without a lease' from task where (state = 2) <> (expires_at is not null)
union all
select 'task ' || id || ': it is closing and live' from task where state < 3 and closing_since is not null
union all
select 'task ' || t.id || ': the mark closing is wrong' from durable_tasks t
where t.state >= 3 and (t.closing_since is not null) <> exists (
    select 1 from durable_tasks k where k.queue = t.queue and k.parent = t.id and k.on_close = 0 and k.state < 3
)
union all
select 'task ' || id || ': it counts its checkpoints wrong' from task
where checkpoints <> (select count(*) from durable_history h where h.task = seq and h.kind < 100 and h.aside = 0)
union all
select 'task ' || id || ': its orders have gaps' from task
where last_order <> (select count(*) from durable_history h where h.task = seq)
   or last_order <> (select coalesce(max(h.ord), 0) from durable_history h where h.task = seq)
union all
select 'task ' || id || ': a wait and a checkpoint have one key' from task
where exists (
    select 1 from durable_waits w join durable_history h on h.task = w.task and h.key = w.key and h.aside = 0 where w.task = seq
)
union all
select 'task ' || id || ': it has no inputs' from task
where not exists (select 1 from durable_inputs i where i.task = seq)
union all
select 'inputs of ' || task || ': there is no task' from durable_inputs
where not exists (select 1 from durable_tasks t where t.seq = task)
union all
select 'waits of ' || task || ': there is no task' from durable_waits
where not exists (select 1 from durable_tasks t where t.seq = task)
union all
select 'history of ' || task || ': there is neither a task nor garbage' from durable_history
where not exists (select 1 from durable_tasks t where t.seq = task)
  and not exists (select 1 from durable_garbage g where g.task = durable_history.task)
union all
select 'event ' || e.name || ': it is waking, and no wait stands; or a wait stands for what is written' from durable_events e
where (e.first_unreached is not null) <> exists (
    select 1 from durable_waits w where w.queue = e.queue and w.event = e.name
)
