-- Fills queue `q`: as many sleepers, tasks of a foreign name (both before all others by priority), and ended tasks as $1.
insert into durable.tasks (queue, id, depth, name, priority, spawned_at, state, why, available_at, due, attempt, limit_from,
                   claims, last_order, checkpoints, params, headers, policy, ended_at, end_kind, end_text)
select 'q', gen_random_uuid(), 0, k.name, 9, 0, k.state, k.why, k.available_at, k.due, 1, 0, 0, 0, 0, 'null', '{}', 'null',
       k.ended_at, k.end_kind, k.end_text
from generate_series(1, $1) n
cross join lateral (values
  ('job', 0::smallint, 0::smallint, 250000000000000 + n, 250000000000000 + n, null::bigint, null::smallint, null),
  ('foreign', 1::smallint, null, n, null, null, null, null),
  ('job', 3::smallint, null, null, null, n::bigint, 0::smallint, 'null')
) as k (name, state, why, available_at, due, ended_at, end_kind, end_text)
