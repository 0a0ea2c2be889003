-- Waits until no other process is about to change the tables.
--
-- parameters  none
-- returns     one row without meaning
-- locks       an advisory one, to the end of the transaction
select pg_advisory_xact_lock(hashtextextended('durable migrations', 0))
