-- Tells whether the schema and the table of versions are there.
--
-- parameters  none
-- returns     two booleans
-- locks       none
select to_regnamespace('durable') is not null as schema, to_regclass('durable.versions') is not null as versions
