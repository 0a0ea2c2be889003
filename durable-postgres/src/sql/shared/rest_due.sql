-- Finds the earliest deadline that is left to tasks at rest, when one of theirs has ended.
--
-- parameters  $1 queue, $2 tasks uuid[], $3 the claim counts their waits carry bigint[],
--             $4 their limits bigint[] (null: none)
-- returns     nothing
-- locks       none that the transaction does not hold
-- index       tasks_pkey, waits_pkey
update durable.tasks t
set rest_due = r.earliest, due = least(r.earliest, r.until)
from (
  select k.ctid, p.until, (
    select min(w.deadline) from durable.waits w where w.queue = $1 and w.task = p.task and w.rests = p.claims
  ) as earliest
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as p (task, claims, until)
  cross join lateral (select v.ctid from durable.tasks v where v.queue = $1 and v.id = p.task offset 0) k
) r
where t.ctid = r.ctid
