-- Waits until no other process is about to create the tables of the schema.
-- Parameters: none. Returns: one row without meaning. Locks: an advisory one, to the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('durable tables of ' || current_schema(), 0));
