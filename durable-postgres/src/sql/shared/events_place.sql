-- Makes sure that there is an event row to lock: a placeholder until the first emit.
--
-- parameters  $1 queue, $2 names text[] (ascending)
-- returns     nothing
-- locks       the new rows
-- index       events_pkey, queues_pkey
insert into durable.events (queue, name)
select $1, n from unnest($2::text[]) n
where exists (select 1 from durable.queues q where q.name = $1)
on conflict (queue, name) do nothing
