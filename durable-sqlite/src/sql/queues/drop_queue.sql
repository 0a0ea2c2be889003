-- Drops an empty queue.
--
-- parameters  $1 name
-- returns     nothing
-- index       durable_queues' key
delete from durable_queues where name = $1
