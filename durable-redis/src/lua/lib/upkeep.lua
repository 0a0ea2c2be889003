-- What is due, one thing at a time.

local upkeep = { started = 0, woken = 0, limited = 0, expired = {} }

-- Ends the attempt of a run whose lease has run out (C5).
local function expire(t)
  local finish = { 'claim_timeout', t.worker, t.expires_at }
  local at = t.expires_at
  upkeep.expired[#upkeep.expired + 1] = { t.id, t.attempt, t.worker, at }
  history.failed_run(t, at, finish)
  if t.max_attempts and t.attempt >= t.max_attempts then
    end_and_close(t, finish)
  else
    make_pending(t, at, { attempt = t.attempt + 1 })
  end
end

-- Ends the wait that the task rests on and whose deadline is the earliest.
local function time_out(t, step)
  local w = wait.read(t, step)
  if not w then
    redis.call('ZREM', key.rest(t.id), step)
    return due.set(t)
  end
  if settle(t, w) then upkeep.woken = upkeep.woken + 1 end
end

local function do_due(id)
  local t = task.load(id)
  if not t then return redis.call('ZREM', key.due, id) end
  if t.corrupt then return end_corrupt(t) end
  local at, what, step = due.of(t)
  if not task.is_live(t) or not at or at > clock.now then return due.set(t) end
  if what == 'limit' then
    local _, cause = due.limit(t)
    upkeep.limited = upkeep.limited + 1
    end_and_close(t, { cause })
  elseif what == 'lease' then
    expire(t)
  elseif what == 'rest' then
    time_out(t, step)
  else
    upkeep.started = upkeep.started + 1
    make_pending(t, at)
  end
end

-- Does up to `limit` things that are due, earliest first; the number done.
function upkeep.run(limit)
  for done = 0, limit - 1 do
    local at, id = due.first()
    if not at or at > clock.now then return done end
    do_due(id)
  end
  return limit
end

-- When there is something to do next: the earliest due time, or now if marks are left; false for never.
function upkeep.next_due()
  local at = due.first()
  if redis.call('EXISTS', key.closing, key.waking) > 0 then return math.min(at or clock.now, clock.now) end
  return at or false
end
