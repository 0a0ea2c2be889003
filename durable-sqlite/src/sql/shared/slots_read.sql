-- Reads what is under some keys of tasks: a standing wait, or a stored end.
--
-- parameters  $1 queue, $4 pairs of task and key (JSON arrays)
-- returns     task, key; the wait's columns, null without; the stored end's columns, null without
-- index       durable_tasks_id, durable_waits_key, durable_history_key
select t.id as task, n.value ->> 1 as key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests,
       h.end_kind, h.end_text, h.end_at, h.ended_at
from json_each($4) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value ->> 0
left join durable_waits w on w.task = t.seq and w.key = n.value ->> 1
left join durable_history h indexed by durable_history_key
    on h.task = t.seq and h.key = n.value ->> 1 and h.key is not null and h.aside = 0
