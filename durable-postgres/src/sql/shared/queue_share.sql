-- Reads a queue's state and keeps it from being dropped.
--
-- parameters  $1 queue
-- returns     state
-- locks       the queue for key share: its state may change, it stays
-- index       queues_pkey
select q.state from durable.queues q where q.name = $1 for key share of q
