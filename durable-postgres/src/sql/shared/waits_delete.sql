-- Drops waits that have ended.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 keys text[] (pairs)
-- returns     nothing
-- locks       none that the transaction does not hold: the tasks are locked
-- index       waits_pkey
delete from durable.waits w
where w.ctid = any (array(
  select x.ctid
  from unnest($2::uuid[], $3::text[]) as p (task, key)
  cross join lateral (
    select v.ctid from durable.waits v where v.queue = $1 and v.task = p.task and v.key = p.key offset 0
  ) x
))
