-- Waits. One is stored under its step key as a packed list: source (event, child, time), target, registered_at,
-- deadline or false.

local wait = {}

wait.kinds = { event = 'event', child = 'child', time = 'timer' }

local function decode(step, packed)
  local record = history.unpack(packed)
  if not record then return nil end
  return {
    step = step, source = record[1], target = record[2], registered_at = record[3], deadline = record[4] or nil,
  }
end

-- A wait that stands, or nil.
function wait.read(t, step)
  return decode(step, redis.call('HGET', key.waits(t.id), step))
end

-- Lets a wait stand.
function wait.add(t, w)
  redis.call('HSET', key.waits(t.id), w.step,
    cmsgpack.pack({ w.source, w.target, w.registered_at, w.deadline or false }))
  if w.source == 'event' then
    redis.call('ZADD', key.waiting(w.target), 0, t.id .. w.step)
  end
end

-- Takes a wait out of its event's; the event is no longer waking when it was the last.
local function unlist(t, w)
  if w.source ~= 'event' then return end
  redis.call('ZREM', key.waiting(w.target), t.id .. w.step)
  local e = event.load(w.target)
  if e and e.unreached and not e.is_waking and redis.call('EXISTS', key.waiting(e.name)) == 0 then
    event.rest(e)
  end
end

function wait.remove(t, w)
  redis.call('HDEL', key.waits(t.id), w.step)
  unlist(t, w)
end

-- Takes all waits of a task away.
function wait.remove_all(t)
  local waits = redis.call('HGETALL', key.waits(t.id))
  if #waits == 0 then return end
  for i = 1, #waits, 2 do
    local w = decode(waits[i], waits[i + 1])
    if w then unlist(t, w) end
  end
  redis.call('UNLINK', key.waits(t.id))
end

-- How and when a standing wait ends; nil while it goes on. If its event exists, that is a write which has not reached
-- it yet (W2, E2).
function wait.verdict(w)
  local e = w.source == 'event' and event.load(w.target)
  local moment = e and (e.unreached or e.at) or clock.now
  if w.deadline and w.deadline <= moment then return { 'timeout' }, w.deadline end
  if e then return { 'value', e.payload }, moment end
end
