-- Locks a queue so that nothing comes into it.
--
-- parameters  $1 name
-- returns     state; no row without it
-- locks       the queue for update: spawn and emit hold it for key share
-- index       queues_pkey
select q.state from durable.queues q where q.name = $1 for update of q
