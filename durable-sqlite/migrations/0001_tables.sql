-- The tables of the first release.
create table durable_queues (
    name text primary key,
    state integer not null
) strict, without rowid;
