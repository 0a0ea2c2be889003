-- Reads a queue's state.
--
-- parameters  $1 name
-- returns     state; no row without it
-- locks       none
-- index       queues_pkey
select q.state from durable.queues q where q.name = $1
