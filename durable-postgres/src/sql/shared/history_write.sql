-- Stores checkpoints and failed runs of locked tasks.
--
-- parameters  $1 queue, then one array for each column
-- returns     nothing
-- locks       none that the transaction does not hold
-- index       history_pkey, history_key
insert into durable.history (queue, task, ord, kind, key, end_kind, end_text, end_at, attempt, worker, started_at, ended_at)
select $1, h.*
from unnest($2::uuid[], $3::bigint[], $4::smallint[], $5::text[], $6::smallint[], $7::text[], $8::bigint[],
            $9::integer[], $10::text[], $11::bigint[], $12::bigint[]) h
