-- Creates a queue or sets its state.
--
-- parameters  $1 name, $2 state
-- returns     nothing
-- index       durable_queues' key
insert into durable_queues (name, state)
values ($1, $2)
on conflict (name) do update set state = excluded.state
