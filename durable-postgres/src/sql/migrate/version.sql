-- Reads the newest version of the tables, and the oldest that still works on it.
--
-- parameters  none
-- returns     one row, or none
-- locks       none
-- index       versions_pkey
select v.version, v.admits from durable.versions v order by v.version desc limit 1
