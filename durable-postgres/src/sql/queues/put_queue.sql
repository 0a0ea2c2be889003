-- Creates a queue or sets its state.
--
-- parameters  $1 name, $2 state
-- returns     whether it is new, whether it has changed; no row when it was so
-- locks       the queue
-- index       queues_pkey
insert into durable.queues as q (name, state)
values ($1, $2)
on conflict (name) do update set state = excluded.state where q.state <> excluded.state
returning (xmax = 0) as created
