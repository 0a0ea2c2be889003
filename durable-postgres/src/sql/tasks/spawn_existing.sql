-- Finds what was there before: by id, else by idempotency key.
--
-- parameters  $1 queue, $2 ids uuid[], $3 idempotency keys text[] (null: none)
-- returns     place from 1, the existing task and its fingerprint, null when it is gone again or garbage
-- locks       none
-- index       tasks_pkey, tasks_idempotency
select n.place, coalesce(a.id, b.id) as id, b.fingerprint, a.id is not null as same_id
from unnest($2::uuid[], $3::text[]) with ordinality as n (id, idem_key, place)
left join lateral (select k.id, k.state from durable.tasks k where k.queue = $1 and k.id = n.id offset 0) a on a.state < 6
left join lateral (
  select k.id, k.fingerprint from durable.tasks k where k.queue = $1 and k.idem_key = n.idem_key and k.idem_key is not null offset 0
) b on true
order by n.place
