-- Writes what a verb has changed. Arrays may be empty. Those with payloads are materialized: json_each would write a row's
-- text anew for each of its columns.
--
-- parameters  $1 queue,
--             $2 history: arrays of task (seq), ord, kind, key, end_kind, end_text, end_at, attempt, worker, started_at, ended_at
--             $3 waits to remove: arrays of task (seq), key
--             $4 waits: arrays of task (seq), key, source, event, child, registered_at, deadline, rests
--             $5 tasks: arrays of seq, state, why, available_at, due, attempt, ended_at, end_kind, end_text, end_at, closing_since,
--                expires_at, closed, closed_due, need, rest_due, last_order, checkpoints
--             $6 tasks at rest that lost their earliest deadline: arrays of seq, claims, the task's limit
--             $7 events: arrays of name, written_at, payload, metadata, id, first_unreached
-- returns     nothing
-- index       the keys of the tables
with n as materialized (select j.value from json_each($2) j)
insert into durable_history (task, ord, kind, key, end_kind, end_text, end_at, attempt, worker, started_at, ended_at)
select n.value ->> 0, n.value ->> 1, n.value ->> 2, n.value ->> 3, n.value ->> 4, n.value ->> 5, n.value ->> 6,
       n.value ->> 7, n.value ->> 8, n.value ->> 9, n.value ->> 10
from n;

delete from durable_waits
where rowid in (
    select w.rowid
    from json_each($3) n
    cross join durable_waits w indexed by durable_waits_key on w.task = n.value ->> 0 and w.key = n.value ->> 1
);

insert into durable_waits (task, key, queue, source, event, child, registered_at, deadline, rests)
select n.value ->> 0, n.value ->> 1, $1, n.value ->> 2, n.value ->> 3, n.value ->> 4, n.value ->> 5, n.value ->> 6,
       n.value ->> 7
from json_each($4) n
where true
on conflict (task, key) do update set rests = excluded.rests;

with n as materialized (select j.value from json_each($5) j)
update durable_tasks
set state = n.value ->> 1, why = n.value ->> 2, available_at = n.value ->> 3, due = n.value ->> 4, attempt = n.value ->> 5,
    ended_at = n.value ->> 6, end_kind = n.value ->> 7, end_text = n.value ->> 8, end_at = n.value ->> 9,
    closing_since = n.value ->> 10, expires_at = n.value ->> 11, closed = n.value ->> 12, closed_due = n.value ->> 13,
    need = n.value ->> 14, rest_due = n.value ->> 15, last_order = n.value ->> 16, checkpoints = n.value ->> 17
from n
where durable_tasks.seq = n.value ->> 0;

delete from durable_waits
where task in (select n.value ->> 0 from json_each($5) n where n.value ->> 1 >= 3);

update durable_tasks
set rest_due = r.earliest, due = min(coalesce(r.earliest, r.until), coalesce(r.until, r.earliest))
from (
    select n.value ->> 0 as seq, n.value ->> 2 as until, (
        select min(w.deadline) from durable_waits w where w.task = n.value ->> 0 and w.rests = n.value ->> 1
    ) as earliest
    from json_each($6) n
) r
where durable_tasks.seq = r.seq;

with n as materialized (select j.value from json_each($7) j)
insert into durable_events (queue, name, written_at, payload, metadata, id, first_unreached)
select $1, n.value ->> 0, n.value ->> 1, n.value ->> 2, n.value ->> 3, n.value ->> 4, n.value ->> 5
from n
where true
on conflict (queue, name) do update
set written_at = excluded.written_at, payload = excluded.payload, metadata = excluded.metadata, id = excluded.id,
    first_unreached = excluded.first_unreached;

-- A mark is for waits that stand.
update durable_events indexed by durable_events_waking
set first_unreached = null
where queue = $1 and first_unreached is not null
  and not exists (
    select 1 from durable_waits w indexed by durable_waits_event where w.queue = $1 and w.event = durable_events.name
  )
