-- Reads a page of queues by the bytes of their names.
--
-- parameters  $1 after (name), $2 the most and one
-- returns     name, state
-- locks       none
-- index       queues_pkey
select q.name, q.state from durable.queues q where q.name > $1 order by q.name limit $2
