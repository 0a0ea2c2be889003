-- Reads a queue's state.
--
-- parameters  $1 name
-- returns     state; no row without it
-- index       durable_queues' key
select q.state from durable_queues q where q.name = $1
