-- drop_queue: drops a queue with nothing in it.
--
-- ARGV     none
-- returns  {not_found} · {not_empty} · {dropped}
-- bound    3 commands

if not queue_state then return { 'not_found' } end
if redis.call('EXISTS', key.tasks, key.events) > 0 then return { 'not_empty' } end
redis.call('UNLINK', key.queue, key.due, key.closing, key.waking, key.written, key.idempotency, key.counts)
return { 'dropped' }
