-- put_queue: creates a queue or sets its state.
--
-- ARGV     state, name
-- returns  {created} · {changed} · {unchanged}
-- bound    2 commands

local state, name = args.text(), args.text()
if queue_state == state then return { 'unchanged' } end
redis.call('HSET', key.queue, 'state', state, 'name', name)
return { queue_state and 'changed' or 'created' }
