-- Tells whether the schema and the table of versions are there.
--
-- By the catalogue's tables: `to_regclass` may answer from what the session remembers from before it waited for the lock.
--
-- parameters  none
-- returns     two booleans
-- locks       none
select exists (select from pg_catalog.pg_namespace n where n.nspname = 'durable') as schema,
       exists (
         select from pg_catalog.pg_class c
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'durable' and c.relname = 'versions'
       ) as versions
