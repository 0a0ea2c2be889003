-- Removes tasks: their histories are garbage from here on.
--
-- parameters  $1 queue, $2 tasks (JSON array of seq)
-- returns     nothing
-- index       the keys of the tables
insert into durable_garbage (task, queue)
select t.seq, $1
from json_each($2) n
cross join durable_tasks t on t.seq = n.value
where t.last_order > 0;

delete from durable_inputs where task in (select n.value from json_each($2) n);

delete from durable_tasks where seq in (select n.value from json_each($2) n)
