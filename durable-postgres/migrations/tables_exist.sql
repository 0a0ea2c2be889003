-- Whether the schema has the tables.
-- Parameters: none. Returns: one boolean. Locks: none; `tables_lock` comes before.
select to_regclass('tasks') is not null;
