-- Removes garbage of which no history is left.
--
-- parameters  $1 queue, $2 the most
-- returns     nothing; the rows that went are counted by the server
-- locks       the rows that go, skipping what is locked
-- index       tasks_ended, history_pkey
delete from durable.tasks t
where t.ctid = any (array(
    select g.ctid
    from durable.tasks g
    where g.queue = $1 and g.state = 6 and g.state >= 3
      and (select true from durable.history h where h.queue = $1 and h.task = g.id limit 1) is null
    limit $2
    for update of g skip locked
  ))
