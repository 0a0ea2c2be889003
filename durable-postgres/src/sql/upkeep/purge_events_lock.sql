-- Locks events that are old enough to go, oldest first, and placeholders that nobody has looked at for as long.
--
-- parameters  $1 queue, $2 written, or looked at, at this time or before, $3 the most of each
-- returns     name, and whether it is a placeholder
-- locks       those rows for update, skipping what is locked
-- index       events_written, events_placeholders, events_pkey
select l.*
from (
  select n.name
  from (
    (
      select w.name from durable.events w
      where w.queue = $1 and w.written_at is not null and w.written_at <= $2 and w.first_unreached is null
      order by w.written_at, w.name
      limit $3
    )
    union all
    (
      select p.name from durable.events p
      where p.queue = $1 and p.written_at is null and p.looked_at <= $2
      order by p.looked_at, p.name
      limit $3
    )
  ) n
  order by n.name
  offset 0
) n
cross join lateral (
  select e.name, e.written_at is null as placeholder
  from durable.events e
  where e.queue = $1 and e.name = n.name
  for update of e skip locked
) l
