-- The least that does the same: narrow tables, no rule but the fence.
create schema floor;
create table floor.tasks (
    id           uuid primary key,
    name         text collate "C" not null,
    state        smallint not null,
    available_at bigint not null,
    due          bigint,
    call         uuid,
    last_order   bigint not null default 0,
    params       text not null,
    result       text
);
create index on floor.tasks (name, available_at, id) where state = 1;
create index on floor.tasks (due, id) where due is not null;
create table floor.checkpoints (
    task    uuid not null,
    key     text collate "C" not null,
    ord     bigint not null,
    payload text not null,
    primary key (task, key)
);
