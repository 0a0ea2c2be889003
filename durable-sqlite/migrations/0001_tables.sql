-- The tables of the store, in the user's own file perhaps: hence the prefix. Statements live in the binary.
--
-- Texts are compared by their bytes. Times are milliseconds since the Unix epoch. Payloads are text that nobody parses;
-- those of a task's spawn stand apart, so that a change of the task does not write them again. Ids are UUIDs as text.
--
-- `task` in the other tables is the task's `seq`, which is never used again: what is left of a purged task is nobody's.
--
-- How something ended is three columns, everywhere the same: `end_kind`, `end_text`, `end_at`.
--   0 value (payload) · 1 timeout · 2 failed: reported (payload) · 3 failed: lease ran out (worker, at)
--   4 failed: corrupt (what) · 5 cancelled: requested (reason) · 6 cancelled: parent closed
--   7 cancelled: max pending time · 8 cancelled: max running time

create table durable_queues (
    name  text primary key not null,
    state integer not null               -- 0 open, 1 paused, 2 sealed
) strict, without rowid;

create table durable_tasks (
    seq              integer primary key autoincrement,
    queue            text not null,
    id               text not null,
    -- Fixed at the spawn.
    depth            integer not null,   -- 0 without a parent
    parent           text,
    join_key         text,
    name             text not null,
    priority         integer not null,
    max_pending      integer,
    max_running      integer,
    spawned_at       integer not null,
    idem_key         text,
    fingerprint      text,
    -- Where it is in its life.
    state            integer not null,   -- 0 sleeping, 1 pending, 2 running, 3 completed, 4 failed, 5 cancelled
    why              integer,            -- of a sleeping one: 0 start, 1 retry, 2 rest
    available_at     integer,            -- pending: since when; start and retry: from when
    due              integer,            -- live: the earliest thing to do
    on_close         integer,            -- of a child: 0 cancel, 1 abandon
    max_attempts     integer,
    attempt          integer not null,
    limit_from       integer not null,   -- what max_pending counts from
    first_started_at integer,
    ended_at         integer,
    end_kind         integer,
    end_text         text,
    end_at           integer,
    closing_since    integer,            -- ended, with live children to cancel
    -- The newest claim, and how its holder closed it.
    claims           integer not null,
    call             text,
    worker           text,
    lease            integer,
    claimed_at       integer,
    expires_at       integer,
    closed           integer,            -- 1 complete, 2 fail, 3 release, 4 wait
    closed_due       integer,
    -- The rest.
    need             integer,
    rest_due         integer,            -- the earliest deadline among the waits rested on
    -- What is stored for it.
    last_order       integer not null,
    checkpoints      integer not null
) strict;

create unique index durable_tasks_id on durable_tasks (queue, id);
-- claim: one range for each name, in the order of handing out.
create index durable_tasks_pending on durable_tasks (queue, name, priority desc, available_at, id) where state = 1;
-- claim and tick: what is due; whatever has no time is not in it.
create index durable_tasks_due on durable_tasks (queue, due, id) where due is not null;
-- claim: what a repeated call holds.
create index durable_tasks_held on durable_tasks (queue, call) where state = 2;
-- cascade: the children that a parent's end cancels.
create index durable_tasks_children on durable_tasks (queue, parent, id) where on_close = 0 and state < 3;
-- tick: marks, oldest first.
create index durable_tasks_closing on durable_tasks (queue, closing_since, id) where closing_since is not null;
-- spawn: the user's own key.
create unique index durable_tasks_idempotency on durable_tasks (queue, idem_key) where idem_key is not null;
-- purge: ended tasks, oldest first.
create index durable_tasks_ended on durable_tasks (queue, state, ended_at, id) where state >= 3;

create table durable_inputs (
    task    integer primary key,
    params  text not null,
    headers text not null,
    policy  text not null
) strict;

create table durable_history (
    task       integer not null,
    ord        integer not null,
    kind       integer not null,         -- 0 step, 1 value, 2 spawn, 3 emit, 4 select, 5 timer, 6 event, 7 child; 100: a failed run
    key        text,                     -- null for a failed run
    end_kind   integer not null,
    end_text   text,
    end_at     integer,
    attempt    integer not null,
    worker     text,
    started_at integer not null,
    ended_at   integer not null,
    aside      integer not null default 0,
    primary key (task, ord)
) strict, without rowid;
create unique index durable_history_key on durable_history (task, key) where key is not null and aside = 0;

create table durable_waits (
    task          integer not null,
    key           text not null,
    queue         text not null,
    source        integer not null,      -- 0 time, 1 event, 2 child
    event         text,
    child         text,
    registered_at integer not null,
    deadline      integer,
    rests         integer                -- the claim count of the run that rests on it
) strict;
create unique index durable_waits_key on durable_waits (task, key);
create index durable_waits_event on durable_waits (queue, event, task, key) where event is not null;

create table durable_events (
    queue           text not null,
    name            text not null,
    written_at      integer not null,
    payload         text not null,
    metadata        text not null,
    id              text not null,
    first_unreached integer,             -- waking: the first write that has not reached every wait
    primary key (queue, name)
) strict;
create index durable_events_waking on durable_events (queue, first_unreached, name) where first_unreached is not null;
create index durable_events_written on durable_events (queue, written_at, name);

-- What purges have left of histories, in the order of the purges.
create table durable_garbage (
    task  integer primary key,
    queue text not null
) strict;
create index durable_garbage_queue on durable_garbage (queue, task);
