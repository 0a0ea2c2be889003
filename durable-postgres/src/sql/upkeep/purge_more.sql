-- Tells whether something is left to remove now.
--
-- parameters  $1 queue, $2 states smallint[], $3 ended or written at this time or before, $4 events, too
-- returns     more
-- locks       none
-- index       tasks_ended, tasks_children, events_written
select exists (select 1 from durable.tasks t where t.queue = $1 and t.state = 6 and t.state >= 3)
    or exists (
      select 1
      from unnest($2::smallint[]) as s (state)
      cross join lateral (
        select 1 from durable.tasks c
        where c.queue = $1 and c.state = s.state and c.state >= 3 and c.ended_at <= $3
          and (
            select true from durable.tasks k where k.queue = $1 and k.parent = c.id and k.on_close = 0 and k.state < 3 limit 1
          ) is null
        limit 1
      ) o
    )
    or ($4 and exists (
      select 1 from durable.events e
      where e.queue = $1 and e.written_at is not null and e.written_at <= $3 and e.first_unreached is null
    )) as more
