-- Takes the mark *closing* from ended tasks without live children left.
--
-- parameters  $1 queue, $2 ids uuid[] (locked, ended)
-- returns     how many of them keep it
-- locks       none that the transaction does not hold
-- index       tasks_pkey, tasks_children
with cleared as (
  update tasks t
  set closing_since = null
  where t.queue = $1 and t.id = any ($2::uuid[]) and t.closing_since is not null
    and not exists (
      select 1 from tasks k where k.queue = $1 and k.parent = t.id and k.on_close = 0 and k.state < 3
    )
  returning 1
)
select (select count(*) from tasks t where t.queue = $1 and t.id = any ($2) and t.closing_since is not null)
     - (select count(*) from cleared) as left_over
