-- The tables of the store. Statements live in the binary; nothing here is a function.
--
-- Text is compared by its bytes (collation "C"). Times are milliseconds since the Unix epoch. Payloads are text that
-- nobody parses. There are no foreign keys: they would lock rows in an order of their own.
--
-- How something ended is three columns, everywhere the same: `end_kind`, `end_text`, `end_at`.
--   0 value (payload) · 1 timeout · 2 failed: reported (payload) · 3 failed: lease ran out (worker, at)
--   4 failed: corrupt (what) · 5 cancelled: requested (reason) · 6 cancelled: parent closed
--   7 cancelled: max pending time · 8 cancelled: max running time

create table durable.versions (
    version    integer primary key,
    admits     integer not null,         -- the oldest version whose release may work on these tables
    applied_at timestamptz not null default now()
);
insert into durable.versions (version, admits) values (1, 1);

create table durable.queues (
    name  text collate "C" primary key,
    state smallint not null              -- 0 open, 1 paused, 2 sealed
);

create table durable.tasks (
    queue            text collate "C" not null,
    id               uuid not null,
    -- Fixed at the spawn.
    depth            integer not null,   -- 0 without a parent: ancestors are locked before descendants
    parent           uuid,
    join_key         text collate "C",
    name             text collate "C" not null,
    priority         smallint not null,
    max_pending      bigint,
    max_running      bigint,
    spawned_at       bigint not null,
    idem_key         text collate "C",
    fingerprint      text collate "C",
    -- Where it is in its life.
    state            smallint not null,  -- 0 sleeping, 1 pending, 2 running, 3 completed, 4 failed, 5 cancelled, 6 garbage
    why              smallint,           -- of a sleeping one: 0 start, 1 retry, 2 rest
    available_at     bigint,             -- pending: since when; start and retry: from when
    due              bigint,             -- live: the earliest thing to do
    on_close         smallint,           -- of a child: 0 cancel, 1 abandon
    max_attempts     integer,
    attempt          integer not null,
    limit_from       bigint not null,    -- what max_pending counts from
    first_started_at bigint,
    ended_at         bigint,
    end_kind         smallint,
    end_text         text,
    end_at           bigint,
    closing_since    bigint,             -- ended, with live children to cancel
    -- The newest claim, and how its holder closed it.
    claims           bigint not null,
    call             uuid,
    worker           text collate "C",
    lease            bigint,
    claimed_at       bigint,
    expires_at       bigint,
    closed           smallint,           -- 1 complete, 2 fail, 3 release, 4 wait
    closed_due       bigint,
    -- The rest.
    need             integer,
    rest_due         bigint,             -- the earliest deadline among the waits rested on
    -- What is stored for it.
    last_order       bigint not null,
    checkpoints      bigint not null,
    params           text not null,
    headers          text not null,
    policy           text not null,
    primary key (queue, id)
) with (
    -- Room for the next version of a row beside it: a tenth less is written ahead for each claim and end, and leases that are
    -- extended again and again take up half the pages. No update is HOT: each moves its row in an index.
    fillfactor = 70,
    -- What is taken leaves a dead entry at the front of an index, which every claim walks over until vacuum comes. By default
    -- that is when a fifth of the table is dead, however many tasks only sleep.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 10000
);

-- claim: one range for each name, in the order of handing out.
create index tasks_pending on durable.tasks (queue, name, priority desc, available_at, id) where state = 1;
-- claim and tick: what is due; whatever has no time is not in it.
create index tasks_due on durable.tasks (queue, due, id) where due is not null;
-- claim: what a repeated call holds.
create index tasks_held on durable.tasks (queue, call) where state = 2;
-- cascade: the children that a parent's end cancels.
create index tasks_children on durable.tasks (queue, parent, id) where on_close = 0 and state < 3;
-- tick: marks, oldest first; cancel: marks below a task.
create index tasks_closing on durable.tasks (queue, closing_since, id) where closing_since is not null;
create index tasks_closing_below on durable.tasks (queue, parent) where closing_since is not null;
-- spawn: the user's own key.
create unique index tasks_idempotency on durable.tasks (queue, idem_key) where idem_key is not null;
-- purge: ended tasks, oldest first.
create index tasks_ended on durable.tasks (queue, state, ended_at, id) where state >= 3;

create table durable.history (
    queue      text collate "C" not null,
    task       uuid not null,
    ord        bigint not null,
    kind       smallint not null,        -- 0 step … 7 child, as in `rows::history`; 100: a failed run
    key        text collate "C",         -- null for a failed run
    end_kind   smallint not null,
    end_text   text,
    end_at     bigint,
    attempt    integer not null,
    worker     text collate "C",
    started_at bigint not null,
    ended_at   bigint not null,
    aside      boolean not null default false,
    primary key (queue, task, ord)
);
create unique index history_key on durable.history (queue, task, key) where key is not null and not aside;

create table durable.waits (
    queue         text collate "C" not null,
    task          uuid not null,
    key           text collate "C" not null,
    source        smallint not null,     -- 0 time, 1 event, 2 child
    event         text collate "C",
    child         uuid,
    registered_at bigint not null,
    deadline      bigint,
    rests         bigint,                -- the claim count of the run that rests on it
    primary key (queue, task, key)
) with (
    -- Waits come and go as tasks do, beside many that stand for long.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 10000
);
create index waits_event on durable.waits (queue, event, task, key) where event is not null;

create table durable.events (
    queue           text collate "C" not null,
    name            text collate "C" not null,
    written_at      bigint,              -- null: a placeholder, there is something to lock before the first emit
    payload         text,
    metadata        text,
    id              uuid,
    first_unreached bigint,              -- waking: the first write that has not reached every wait
    looked_at       bigint not null default 0, -- a placeholder: when purge last saw that a wait stands for it
    primary key (queue, name)
);
create index events_waking on durable.events (queue, first_unreached, name) where first_unreached is not null;
create index events_written on durable.events (queue, written_at, name) where written_at is not null;
-- purge: placeholders, whichever nobody has looked at for longest.
create index events_placeholders on durable.events (queue, looked_at, name) where written_at is null;
