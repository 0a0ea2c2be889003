-- purge: removes ended tasks, and events, that are old, oldest first.
--
-- ARGV     limit, age, events too 0 or 1; count, states
-- returns  {no_queue} · {ok, purged, more 0 or 1}
-- bound    limit <= 1,000 tasks and events

local limit, age, with_events = args.int(), args.int(), args.int() == 1
local states = args.list(args.text)
if not queue_state then return { 'no_queue' } end

local found = {}
local function gather(index, state)
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', clock.now - age, 'WITHSCORES', 'LIMIT', 0, limit + 1)
  for i = 1, #old, 2 do
    found[#found + 1] = { name = old[i], at = tonumber(old[i + 1]), state = state }
  end
end
for _, state in ipairs(states) do gather(key.ended(state), state) end
if with_events then gather(key.written) end
-- Tasks first, then events.
table.sort(found, function(a, b)
  if (a.state == nil) ~= (b.state == nil) then return a.state ~= nil end
  if a.at ~= b.at then return a.at < b.at end
  return a.name < b.name
end)

for i = 1, math.min(limit, #found) do
  local old = found[i]
  if not old.state then
    removal.event(old.name)
  else
    local t = task.load(old.name)
    if t and t.state == old.state then
      removal.task(t)
    else
      redis.call('ZREM', key.ended(old.state), old.name)
    end
  end
end
return answer({ 'ok', math.min(limit, #found), #found > limit and 1 or 0 })
