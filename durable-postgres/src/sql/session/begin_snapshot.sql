-- Begins to look: all statements see the same moment, or a wait that ends between two of them would be missing in the
-- one and counted in the other.
--
-- parameters  none
-- returns     nothing
begin isolation level repeatable read read only
