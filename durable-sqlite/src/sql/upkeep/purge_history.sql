-- Removes history of garbage, and the marks of garbage of which nothing is left.
--
-- parameters  $1 queue, $2 arrays of task, ord (JSON)
-- returns     nothing
-- index       durable_history's key, durable_garbage's key
delete from durable_history
where (task, ord) in (select n.value ->> 0, n.value ->> 1 from json_each($2) n);

delete from durable_garbage
where task in (select n.value ->> 0 from json_each($2) n)
  and not exists (select 1 from durable_history h where h.task = durable_garbage.task)
