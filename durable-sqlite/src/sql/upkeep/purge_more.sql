-- Tells whether something is left to remove now.
--
-- parameters  $1 queue, $2 states (JSON array), $3 ended or written at this time or before, $4 events, too
-- returns     more
-- index       durable_garbage_queue, durable_tasks_ended, durable_events_written
select exists (select 1 from durable_garbage g where g.queue = $1)
    or exists (
      select 1
      from json_each($2) n
      cross join durable_tasks t indexed by durable_tasks_ended
          on t.queue = $1 and t.state = n.value and t.state >= 3 and t.ended_at <= $3
      where t.closing_since is null
    )
    or ($4 and exists (
      select 1 from durable_events e indexed by durable_events_written
      where e.queue = $1 and e.written_at <= $3 and e.first_unreached is null
    )) as more
