-- Locks events that are old enough to go, oldest first, and placeholders.
--
-- parameters  $1 queue, $2 written at this time or before, $3 the most of each
-- returns     name, and whether it is a placeholder
-- locks       those rows for update, skipping what is locked
-- index       events_written, events_pkey
select e.name, e.written_at is null as placeholder
from events e
where e.queue = $1
  and e.name = any (array(
    select * from (
      select w.name from events w
      where w.queue = $1 and w.written_at is not null and w.written_at <= $2 and w.first_unreached is null
      order by w.written_at, w.name
      limit $3
    ) written
    union all
    select * from (
      select p.name from events p
      where p.queue = $1 and p.written_at is null
        and not exists (select 1 from waits v where v.queue = $1 and v.event = p.name)
      limit $3
    ) placeholders
  ))
order by e.name
for update of e skip locked
