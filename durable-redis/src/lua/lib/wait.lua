-- Waits. One is stored under its step key as a packed list: source (event, child, time), target, registered_at,
-- deadline or false.

local wait = {}

local KINDS = { event = 'event', child = 'child', time = 'timer' }

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

function wait.register(t, w)
  redis.call('HSET', key.waits(t.id), w.step,
    cmsgpack.pack({ w.source, w.target, w.registered_at, w.deadline or false }))
  if w.source == 'event' then
    redis.call('ZADD', key.waiting(w.target), 0, t.id .. w.step)
  end
end

-- How a standing wait ends now, and when; nil while it stands (W2, E2).
function wait.decide(w)
  local e = w.source == 'event' and event.load(w.target)
  if e then
    local written = e.unreached or e.at
    if not w.deadline or w.deadline > written then return { 'value', e.payload }, written end
    return { 'timeout' }, w.deadline
  end
  if w.deadline and w.deadline <= clock.now then return { 'timeout' }, w.deadline end
end

-- Ends a wait: its checkpoint is stored, and the task is pending if its rest is met by it.
function wait.finish(t, w, finish, at)
  redis.call('HDEL', key.waits(t.id), w.step)
  if w.source == 'event' then
    redis.call('ZREM', key.waiting(w.target), t.id .. w.step)
  end
  wait.store(t, w, finish, at)
end

-- The same for a wait that is not registered.
function wait.store(t, w, finish, at)
  local rests = t.state == 'sleeping' and t.why == 'rest' and redis.call('ZREM', key.rest(t.id), w.step) == 1
  local also = rests and { need = t.need - 1 } or nil
  history.checkpoint(t, w.step, KINDS[w.source], finish, w.registered_at, at, also)
  if not rests then return end
  if t.need <= 0 then
    make_pending(t, clock.now)
  else
    due.set(t)
  end
end

-- Takes all waits of a task away.
function wait.drop_all(t)
  local waits = redis.call('HGETALL', key.waits(t.id))
  if #waits == 0 then return end
  for i = 1, #waits, 2 do
    local w = decode(waits[i], waits[i + 1])
    if w and w.source == 'event' then
      redis.call('ZREM', key.waiting(w.target), t.id .. w.step)
    end
  end
  redis.call('UNLINK', key.waits(t.id))
end
