-- Tells whether a task that has ended, or one below it, is closing.
--
-- It walks up from the marks, of which there are few, not down through all that is below. Of more than 1,000 marks
-- it says yes without looking: never a wrong no.
--
-- parameters  $1 queue, $2 id
-- returns     closing
-- index       durable_tasks_closing, durable_tasks_id
with recursive marks (id, parent, on_close) as materialized (
    select t.id, t.parent, t.on_close
    from durable_tasks t indexed by durable_tasks_closing
    where t.queue = $1 and t.closing_since is not null
    order by t.closing_since, t.id
    limit 1001
), above (id, parent, on_close) as (
    select m.id, m.parent, m.on_close from marks m
    union
    select p.id, p.parent, p.on_close
    from above a
    cross join durable_tasks p indexed by durable_tasks_id on p.queue = $1 and p.id = a.parent
    where a.on_close = 0
)
select (select count(*) from marks) > 1000 or exists (select 1 from above a where a.id = $2) as closing
