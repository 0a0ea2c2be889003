-- Removes history of garbage, the oldest garbage first.
--
-- parameters  $1 queue, $2 the most
-- returns     nothing; the rows that went are counted by the server
-- locks       the rows that go
-- index       tasks_ended, history_pkey
delete from durable.history h
where h.ctid = any (array(
  select k.ctid
  from durable.tasks t
  cross join lateral (
    select v.ctid from durable.history v where v.queue = $1 and v.task = t.id order by v.ord limit $2
  ) k
  where t.queue = $1 and t.state = 6 and t.state >= 3
  limit $2
))
