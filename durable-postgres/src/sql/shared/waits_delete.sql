-- Drops waits that have ended.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 keys text[] (pairs)
-- returns     nothing
-- locks       none that the transaction does not hold: the tasks are locked
-- index       waits_pkey
delete from waits w
using unnest($2::uuid[], $3::text[]) as p (task, key)
where w.queue = $1 and w.task = p.task and w.key = p.key
