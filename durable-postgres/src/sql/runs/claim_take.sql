-- Takes pending tasks.
--
-- Candidates come from one index range for each name, already in order; they are locked in the order of all
-- names together, and only as many as are taken, so that a claim hides nothing from the others.
--
-- parameters  $1 queue, $2 names text[] (each once), $3 now, $4 the most, $5 the most candidates (more than $4),
--             $6 call, $7 worker, $8 lease, $9 the most bytes of payload; one task may be larger,
--             $10 this is the call's first take
-- returns     whether the call holds tasks already, the number of candidates and of those that were free, and the earliest due time of what was not taken, with every taken task,
--             or once with null columns
-- locks       the taken rows for update, skipping what is locked
-- index       tasks_pending, tasks_held, tasks_pkey, tasks_due
with candidates as materialized (
  select c.id, row_number() over (order by c.priority desc, c.available_at, c.id) as ord
  from unnest($2::text[]) as n (name)
  cross join lateral (
    select t.id, t.priority, t.available_at
    from durable.tasks t
    where t.queue = $1 and t.name = n.name and t.state = 1 and (t.due is null or t.due > $3)
    order by t.priority desc, t.available_at, t.id
    limit $5
  ) c
  -- An attempt of this call that ended while this one waited for it: its tasks are the answer.
  where not $10 or not exists (
    select 1 from durable.tasks h where h.queue = $1 and h.call = $6 and h.state = 2 and h.expires_at > $3
  )
  order by c.priority desc, c.available_at, c.id
  limit $5
), locked as materialized (
  select l.place, l.bytes, c.ord
  from candidates c
  cross join lateral (
    -- `+ 0`, so that of all indexes only the primary key fits.
    select t.ctid as place, octet_length(t.params) + octet_length(t.headers) + octet_length(t.policy) as bytes
    from durable.tasks t where t.queue = $1 and t.id = c.id and t.state + 0 = 1
    for update of t skip locked
  ) l
  limit $4
), fitting as (
  select f.place
  from (select l.*, sum(l.bytes) over (order by l.ord) as total from locked l) f
  where f.total <= $9 or f.total = f.bytes
), taken as (
  update durable.tasks t
  set state = 2, call = $6, claims = t.claims + 1, worker = $7, lease = $8, claimed_at = $3, closed = null, closed_due = null,
      expires_at = least($3 + $8, 253402300799999),
      first_started_at = coalesce(t.first_started_at, $3),
      due = least($3 + $8, coalesce(t.first_started_at, $3) + t.max_running, 253402300799999)
  where t.ctid = any (array(select f.place from fitting f))
  returning t.id, t.name, t.params, t.headers, t.policy, t.parent, t.attempt, t.max_attempts, t.claims, t.expires_at, t.claimed_at,
            t.checkpoints, t.priority, t.available_at, t.due, t.on_close
)
select exists (
         select 1 from durable.tasks h where h.queue = $1 and h.call = $6 and h.state = 2 and h.expires_at > $3
       ) as held,
       (select count(*) from candidates) as candidates, (select count(*) from locked) as locked,
       (
         select t.due from durable.tasks t
         where t.queue = $1 and t.due is not null and t.id <> all (array(select k.id from taken k))
         order by t.due, t.id
         limit 1
       ) as next_due,
       taken.*
from (select 1) one
left join taken on true
