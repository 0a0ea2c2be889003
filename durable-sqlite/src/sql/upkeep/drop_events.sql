-- Removes events.
--
-- parameters  $1 queue, $2 names (JSON array)
-- returns     nothing
-- index       durable_events' key
delete from durable_events where queue = $1 and name in (select n.value from json_each($2) n)
