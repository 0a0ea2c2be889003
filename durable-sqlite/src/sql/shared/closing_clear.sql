-- Takes the mark *closing* from ended tasks without live children left.
--
-- parameters  $1 queue, $2 ids (JSON array)
-- returns     nothing
-- index       durable_tasks_id, durable_tasks_children
update durable_tasks
set closing_since = null
where queue = $1 and id in (select n.value from json_each($2) n) and closing_since is not null
  and not exists (
    select 1 from durable_tasks k indexed by durable_tasks_children
    where k.queue = $1 and k.parent = durable_tasks.id and k.on_close = 0 and k.state < 3
  )
