-- Creates the schema of all that is the store's.
--
-- parameters  none
-- returns     nothing
create schema durable
