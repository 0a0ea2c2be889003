-- Drops a locked queue that has nothing left in it. Placeholders of events go with it, garbage does not.
--
-- parameters  $1 name
-- returns     whether it was empty, and so is gone
-- locks       the rows that go
-- index       queues_pkey, tasks_pkey, events_written, events_pkey
with left_over as materialized (
  select exists (select 1 from durable.tasks t where t.queue = $1)
      or exists (select 1 from durable.events e where e.queue = $1 and e.written_at is not null) as something
), placeholders as (
  delete from durable.events e using left_over l where e.queue = $1 and not l.something
), dropped as (
  delete from durable.queues q using left_over l where q.name = $1 and not l.something
)
select not l.something as empty from left_over l
