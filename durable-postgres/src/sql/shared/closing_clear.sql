-- Takes the mark *closing* from ended tasks without live children left.
--
-- parameters  $1 queue, $2 ids uuid[] (locked, ended)
-- returns     how many of them keep it
-- locks       none that the transaction does not hold
-- index       tasks_pkey, tasks_children
with marked as materialized (
  select t.ctid as place,
         coalesce((
           select true from durable.tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3 limit 1
         ), false) as stays
  from unnest($2::uuid[]) as i (id)
  cross join lateral (
    select v.ctid, v.id, v.closing_since from durable.tasks v where v.queue = $1 and v.id = i.id offset 0
  ) t
  where t.closing_since is not null
), cleared as (
  update durable.tasks t
  set closing_since = null
  where t.ctid = any (array(select m.place from marked m where not m.stays))
)
select count(*) as left_over from marked m where m.stays
