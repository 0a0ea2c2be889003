-- Reads what is under the keys that the ends of tasks are written to, in their parents.
--
-- parameters  $1 queue, $2 ids (JSON array)
-- returns     as slots_read, with the parent as the task
-- index       durable_tasks_id, durable_waits_key, durable_history_key
select p.id as task, t.join_key as key, w.source, w.event, w.child, w.registered_at, w.deadline, w.rests,
       h.end_kind, h.end_text, h.end_at, h.ended_at
from json_each($2) n
cross join durable_tasks t indexed by durable_tasks_id on t.queue = $1 and t.id = n.value
cross join durable_tasks p indexed by durable_tasks_id on p.queue = $1 and p.id = t.parent
left join durable_waits w on w.task = p.seq and w.key = t.join_key
left join durable_history h indexed by durable_history_key
    on h.task = p.seq and h.key = t.join_key and h.key is not null and h.aside = 0
