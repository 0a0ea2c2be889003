-- Looks over tasks by id, without their payloads.
--
-- parameters  $1 queue, $2 after (id), $3 the most examined
-- returns     what a listing may ask for, and how many bytes of payload the task shows
-- index       durable_tasks_id, durable_inputs' key
select t.id, t.state, t.why, t.name, t.parent,
       octet_length(i.params) + octet_length(i.headers) + octet_length(i.policy)
         + iif(t.end_kind in (0, 2), coalesce(octet_length(t.end_text), 0), 0) as bytes
from durable_tasks t indexed by durable_tasks_id
cross join durable_inputs i on i.task = t.seq
where t.queue = $1 and t.id > $2
order by t.id
limit $3
