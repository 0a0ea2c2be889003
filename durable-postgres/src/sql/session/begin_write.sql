-- Begins to read and write: each statement sees what was committed before it, as locking first and reading later needs.
--
-- parameters  none
-- returns     nothing
begin isolation level read committed read write
