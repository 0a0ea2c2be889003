-- Reads a page of checkpoints under a claim: one statement, hence one snapshot.
--
-- parameters  $1 queue, $2 now (null: the server's clock), $3 task, $4 call, $5 claim, $6 after, $7 the most and one
-- returns     the fence (state, whether the token is the newest, whether the lease holds), and the page, or once with
--             null columns
-- locks       none
-- index       tasks_pkey, history_pkey
select t.state, t.why, (t.call = $4 and t.claims = $5) is true as newest, (t.expires_at > c.now) is true as holds, h.*
from (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
join tasks t on t.queue = $1 and t.id = $3 and t.state < 6
left join lateral (
  select k.ord, k.kind, k.key, k.end_kind, k.end_text, k.end_at, k.attempt, k.worker, k.started_at, k.ended_at, k.aside
  from history k
  where k.queue = $1 and k.task = t.id and k.ord > $6 and k.kind < 100 and not k.aside
  order by k.ord
  limit $7
) h on t.state = 2 and t.call = $4 and t.claims = $5 and t.expires_at > c.now
order by h.ord
