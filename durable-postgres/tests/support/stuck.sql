-- Lost wake-ups: tasks that rest although what they rest on has come.
select 'task ' || t.id || ' rests on ' || w.key || ' of ' || coalesce(w.event, w.child::text, 'time')
from durable.tasks t
join durable.waits w on w.queue = t.queue and w.task = t.id and w.rests = t.claims
left join durable.tasks c on c.queue = t.queue and c.id = w.child
left join durable.events e on e.queue = t.queue and e.name = w.event
where t.state = 0 and t.why = 2 and (c.state >= 3 or e.written_at is not null)
