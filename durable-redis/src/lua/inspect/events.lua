-- events: a page of events by name.
--
-- ARGV     after or '', limit
-- returns  {no_queue} · {ok, events [{name, payload, metadata, id, at, waking 0 or 1}], last or false}
-- bound    2 commands an event, at most 1,000 events

local after, limit = args.option(), args.int()
if not queue_state then return { 'no_queue' } end

local names = redis.call('ZRANGEBYLEX', key.events, after and '(' .. after or '-', '+', 'LIMIT', 0, limit + 1)
local events = {}
for i = 1, math.min(#names, limit) do
  local found = redis.call('HMGET', key.event(names[i]), 'payload', 'metadata', 'id', 'at')
  local waking = redis.call('ZSCORE', key.waking, names[i])
  events[i] = { names[i], found[1], found[2], found[3], tonumber(found[4]), waking and 1 or 0 }
end
return { 'ok', events, #names > limit and names[limit] or false }
