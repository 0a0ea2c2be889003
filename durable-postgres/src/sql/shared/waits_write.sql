-- Registers waits of locked tasks, and marks what a run rests on.
--
-- parameters  $1 queue, then one array for each column
-- returns     nothing
-- locks       none that the transaction does not hold: the tasks are locked
-- index       waits_pkey
insert into durable.waits as w (queue, task, key, source, event, child, registered_at, deadline, rests)
select $1, n.*
from unnest($2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::uuid[], $7::bigint[], $8::bigint[],
            $9::bigint[]) n
on conflict (queue, task, key) do update set rests = excluded.rests
