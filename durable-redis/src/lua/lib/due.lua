-- States and their indexes. A live task is in `due` at the earliest time that something is to be done for it.

local due = {}

-- When a limit of the task's passes, and the end that it brings; nil without one.
function due.limit(t)
  if not t.started_at then
    if t.max_pending then return clock.after(t.limit_from, t.max_pending), 'max_pending' end
  elseif t.max_running then
    return clock.after(t.started_at, t.max_running), 'max_running'
  end
end

local function first_deadline(t)
  local first = redis.call('ZRANGE', key.rest(t.id), 0, 0, 'WITHSCORES')
  local deadline = tonumber(first[2])
  if deadline and deadline < math.huge then return deadline, first[1] end
end

-- When the task is due and what for: limit, start, retry, rest (with the step key) or lease.
function due.of(t)
  local at, what, step
  if t.state == 'running' then
    at, what = t.expires_at, 'lease'
  elseif t.state == 'sleeping' and t.why == 'rest' then
    at, step = first_deadline(t)
    what = 'rest'
  elseif t.state == 'sleeping' then
    at, what = t.at, t.why
  end
  local limit = due.limit(t)
  if limit and (not at or limit <= at) then return limit, 'limit' end
  return at, what, step
end

-- The score of a due time: twice the milliseconds, and one more for what is no limit. At the same moment limits come
-- first, and the figures stay exact, far below 2^53.
function due.score(at, what)
  return 2 * at + (what == 'limit' and 0 or 1)
end

-- The time of the earliest thing that is due some time, and its task; nil when there is none.
function due.first()
  local first = redis.call('ZRANGE', key.due, 0, 0, 'WITHSCORES')
  if first[1] then return math.floor(tonumber(first[2]) / 2), first[1] end
end

function due.set(t)
  local at, what = due.of(t)
  if at then
    redis.call('ZADD', key.due, due.score(at, what), t.id)
  else
    redis.call('ZREM', key.due, t.id)
  end
end

-- Priority down, then available time, then id: fixed width, so that bytes compare as the figures do.
local function pending_member(t)
  return string.format('%05d%015d', 32767 - t.priority, t.at) .. t.id
end

-- The task of a member of a pending index.
local function pending_task(member)
  return string.sub(member, 21)
end

-- Takes the task out of what its present state keeps it in, except `due`.
local function leave_state(t)
  if t.state == 'pending' and t.at then
    redis.call('ZREM', key.pending(t.name), pending_member(t))
  elseif t.state == 'running' then
    redis.call('ZREM', key.held(t.call), t.id)
  elseif t.why == 'rest' then
    redis.call('UNLINK', key.rest(t.id))
  end
end

-- With `also`, further fields to write in the same step.
local function make_pending(t, at, also)
  leave_state(t)
  local fields = also or {}
  fields.state, fields.why, fields.at, fields.need, fields.expires_at = 'pending', '', at, '', ''
  task.set(t, fields)
  redis.call('ZADD', key.pending(t.name), 0, pending_member(t))
  due.set(t)
end

local function make_sleeping(t, why, at, also)
  leave_state(t)
  local fields = also or {}
  fields.state, fields.why, fields.at, fields.expires_at = 'sleeping', why, at, ''
  task.set(t, fields)
  due.set(t)
end

-- Lets the claim's lease last so long from now, at least (C4).
local function extend(t, lease)
  local expires_at = clock.after(clock.now, lease)
  if expires_at <= t.expires_at then return end
  task.set(t, { expires_at = expires_at })
  due.set(t)
end
