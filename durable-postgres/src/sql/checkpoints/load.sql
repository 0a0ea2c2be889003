-- Reads a page of checkpoints under a claim: one statement, hence one snapshot.
--
-- parameters  $1 queue, $2 now (null: the server's clock), $3 task, $4 call, $5 claim, $6 after, $7 the most,
--             $8 the most bytes of payload; one checkpoint may be larger
-- returns     the fence (state, whether the token is the newest, whether the lease holds), and the page, or once with
--             null columns
-- locks       none
-- index       tasks_pkey, history_pkey
select t.state, t.why, (t.call = $4 and t.claims = $5) is true as newest, (t.expires_at > c.now) is true as holds, h.*
from (
  select coalesce($2::bigint, floor(extract(epoch from statement_timestamp()) * 1000)::bigint) as now
) c
join durable.tasks t on t.queue = $1 and t.id = $3 and t.state < 6
left join lateral (
  -- The running figures of each row say whether it still fits; the last that does knows whether there is another.
  select r.*
  from (
    select p.*, lead(p.ord) over (order by p.ord) is not null as more
    from (
      select k.ord, k.kind, k.key, k.end_kind, k.end_text, k.end_at, k.attempt, k.worker, k.started_at, k.ended_at,
             sum(octet_length(k.end_text)) over (order by k.ord) as bytes, row_number() over (order by k.ord) as place
      from (
        select v.* from durable.history v
        where v.queue = $1 and v.task = t.id and v.ord > $6 and v.kind < 100 and not v.aside
        order by v.ord
        limit $7 + 1
      ) k
    ) p
  ) r
  where r.place = 1 or (r.place <= $7 and r.bytes <= $8)
) h on t.state = 2 and t.call = $4 and t.claims = $5 and t.expires_at > c.now
order by h.ord
