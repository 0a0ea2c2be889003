-- What stands in queue `q` beside the backlog, for each statement to find, and as much again of others in its way.

-- A task that runs, with 1,000 checkpoints, and 1,000 of which the lease has run out.
insert into durable.tasks (queue, id, depth, name, priority, spawned_at, state, available_at, due, expires_at, worker, call, claims, lease,
                   claimed_at, first_started_at, attempt, limit_from, last_order, checkpoints, params, headers, policy)
select 'q', ('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))::uuid, 0, 'job', 0, 0, 2, 0, n, n, 'w',
       ('00000000-0000-0000-00ca-' || lpad(n::text, 12, '0'))::uuid, 1, 1, 0, 0, 1, 0, 1000, 1000, 'null', '{}', 'null'
from generate_series(1, 1000) n;
insert into durable.history (queue, task, ord, kind, key, end_kind, end_text, attempt, started_at, ended_at)
select 'q', ('00000000-0000-0000-0001-' || lpad(t::text, 12, '0'))::uuid, n, 0, 'k' || n, 0, '1', 1, 0, 0
from generate_series(1, 100) t, generate_series(1, 1000) n;

-- 10,000 that are ready.
insert into durable.tasks (queue, id, depth, name, priority, spawned_at, state, available_at, attempt, limit_from, claims, last_order,
                   checkpoints, params, headers, policy)
select 'q', gen_random_uuid(), 0, 'job', 0, 0, 1, 0, 1, 0, 0, 0, 0, 'null', '{}', 'null' from generate_series(1, 10000);

-- 20,000 parents that are cancelled, and closing: each has a live child.
insert into durable.tasks (queue, id, depth, parent, on_close, join_key, name, priority, spawned_at, state, available_at, ended_at, end_kind,
                   closing_since, attempt, limit_from, claims, last_order, checkpoints, params, headers, policy)
select 'q', ('00000000-0000-0000-' || k.kind || '-' || lpad(n::text, 12, '0'))::uuid, k.depth,
       case when k.depth = 1 then ('00000000-0000-0000-0002-' || lpad(n::text, 12, '0'))::uuid end, k.on_close, k.join_key,
       'child', 0, 0, k.state, k.available_at, k.ended_at, k.end_kind, k.ended_at, 1, 0, 0, 0, 0, 'null', '{}', 'null'
from generate_series(1, 20000) n
cross join lateral (values
  ('0002', 0, null::smallint, null, 5::smallint, null::bigint, n::bigint, 5::smallint),
  ('0003', 1, 0::smallint, 'j', 1::smallint, 0, null, null)
) as k (kind, depth, on_close, join_key, state, available_at, ended_at, end_kind);

-- 20,000 tasks that rest, each on an event of its own and all on the event `crowd`; 20,000 events that were written.
insert into durable.tasks (queue, id, depth, name, priority, spawned_at, state, why, need, attempt, limit_from, claims, last_order,
                   checkpoints, params, headers, policy)
select 'q', ('00000000-0000-0000-0004-' || lpad(n::text, 12, '0'))::uuid, 0, 'job', 9, 0, 0, 2, 1, 1, 0, 1, 0, 0, 'null', '{}', 'null'
from generate_series(1, 20000) n;
insert into durable.waits (queue, task, key, source, event, registered_at, rests)
select 'q', ('00000000-0000-0000-0004-' || lpad(n::text, 12, '0'))::uuid, e.event, 1, e.event, 0, 1
from generate_series(1, 20000) n
cross join lateral (values ('awaited ' || n), ('crowd')) as e (event);
insert into durable.events (queue, name) select 'q', 'awaited ' || n from generate_series(1, 20000) n;
insert into durable.events (queue, name, written_at, payload, metadata, id, first_unreached)
values ('q', 'crowd', 1, '1', '{}', gen_random_uuid(), 1);
insert into durable.events (queue, name, written_at, payload, metadata, id)
select 'q', 'written ' || n, n, '1', '{}', gen_random_uuid() from generate_series(1, 20000) n;

-- Ended tasks of which 100 are garbage.
update durable.tasks set state = 6
where ctid = any (array(select t.ctid from durable.tasks t where t.queue = 'q' and t.state = 3 and t.state >= 3 order by t.ended_at limit 100))
