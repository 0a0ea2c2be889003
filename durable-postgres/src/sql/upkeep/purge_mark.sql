-- Picks ended tasks to remove, oldest first, until the budget is used up: they are garbage,
-- found by nobody, and their idempotency keys are free.
--
-- A task costs a record for itself and one for each entry of its history.
--
-- parameters  $1 queue, $2 states smallint[], $3 ended at this time or before, $4 the most records
-- returns     how many tasks
-- locks       the candidates for update, skipping what is locked
-- index       tasks_ended, tasks_children, tasks_pkey
with locked as materialized (
  select l.*
  from (
    select o.id
    from unnest($2::smallint[]) as s (state)
    cross join lateral (
      select c.id, c.ended_at
      from durable.tasks c
      where c.queue = $1 and c.state = s.state and c.state >= 3 and c.ended_at <= $3
        and (
            select true from durable.tasks k where k.queue = $1 and k.parent = c.id and k.on_close = 0 and k.state < 3 limit 1
          ) is null
      order by c.ended_at, c.id
      limit $4
    ) o
    order by o.ended_at, o.id
    limit $4
  ) o
  cross join lateral (
    select t.ctid as place, t.id, t.state, t.ended_at, t.last_order
    from durable.tasks t
    where t.queue = $1 and t.id = o.id
    for update of t skip locked
  ) l
  -- `+ 0`, so that of all indexes only the primary key fits.
  where l.state + 0 in (3, 4, 5)
), counted as (
  select l.place as tid, sum(1 + l.last_order) over w - 1 - l.last_order as before
  from locked l
  window w as (order by l.ended_at, l.id)
), marked as (
  update durable.tasks t
  set state = 6, idem_key = null, closing_since = null
  where t.ctid = any (array(select c.tid from counted c where c.before < $4))
  returning 1
)
select count(*) as marked from marked
