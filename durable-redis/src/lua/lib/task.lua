-- A task's record: read once for each call, and written once, when the verb answers.
--
-- Fields: name params headers policy priority max_attempts max_pending max_running idempotency parent join_key on_close
--   state     sleeping, pending, running, completed, failed, cancelled
--   why at    while sleeping: start, retry or rest; the time it is due, or available since while pending
--   attempt claims order            the attempt that runs or comes next, claims so far, entries of the history
--   call worker lease claimed_at expires_at   the newest claim
--   closed closed_as closed_at      the verb that its holder closed it with, and the answer
--   need                            how many of what it rests on must still end
--   spawned_at limit_from started_at ended_at finish
-- An empty field is an absent one.

local task = { loaded = {}, dirty = {}, tally = {} }

local STATES = {
  sleeping = 'live', pending = 'live', running = 'live',
  completed = 'ended', failed = 'ended', cancelled = 'ended',
}
-- What a figure is taken for when it cannot be read and the task fails for it.
local FIGURES = { attempt = 1, claims = 0, order = 0, priority = 0, spawned_at = 0, limit_from = 0 }
local OPTIONAL_FIGURES = {
  at = true, max_attempts = true, max_pending = true, max_running = true, lease = true, expires_at = true,
  claimed_at = true, closed_at = true, need = true, started_at = true, ended_at = true,
}
local FIELDS = {
  'name', 'state', 'why', 'at', 'attempt', 'claims', 'order', 'priority', 'call', 'worker', 'lease', 'claimed_at',
  'expires_at', 'closed', 'closed_as', 'closed_at', 'need', 'max_attempts', 'max_pending', 'max_running',
  'spawned_at', 'limit_from', 'started_at', 'ended_at', 'parent', 'join_key', 'on_close',
}

local function figure(text)
  return text and string.find(text, '^%-?%d+$') and tonumber(text) or nil
end

local function decode(t, field, text)
  if text == '' then text = nil end
  if FIGURES[field] then
    t[field] = figure(text)
    if not t[field] then t[field], t.corrupt = FIGURES[field], field end
  elseif OPTIONAL_FIGURES[field] then
    t[field] = figure(text)
    if text and not t[field] then t.corrupt = field end
  else
    t[field] = text
  end
end

local function read(id)
  local values = redis.pcall('HMGET', key.task(id), unpack(FIELDS))
  if values.err then values = { corrupt = 'record' } end
  local t, found = { id = id, corrupt = values.corrupt }, values.corrupt
  for i, field in ipairs(FIELDS) do
    found = found or values[i]
    decode(t, field, values[i] or nil)
  end
  if not found then return false end
  if not t.name then t.name, t.corrupt = '?', 'name' end
  if not STATES[t.state] then t.state, t.corrupt = 'sleeping', 'state' end
  return t
end

-- The task, or nil. With `corrupt`, the name of a field, it cannot be decoded.
function task.load(id)
  if task.loaded[id] == nil then task.loaded[id] = read(id) end
  return task.loaded[id] or nil
end

function task.is_live(t)
  return STATES[t.state] == 'live'
end

-- Keeps the number of tasks in a state, until `answer` writes it.
function task.count(state, by)
  task.tally[state] = (task.tally[state] or 0) + by
end

-- The answer of a verb that may have changed tasks: every return after a write goes through it.
local function answer(fields)
  for id, changed in pairs(task.dirty) do
    local command = { 'HSET', key.task(id) }
    for field, value in pairs(changed) do
      command[#command + 1] = field
      command[#command + 1] = value
    end
    redis.call(unpack(command))
  end
  for state, by in pairs(task.tally) do
    if by ~= 0 then redis.call('HINCRBY', key.counts, state, by) end
  end
  return fields
end

-- Sets fields; '' takes one away.
function task.set(t, fields)
  if fields.state and fields.state ~= t.state then
    if t.state then task.count(t.state, -1) end
    task.count(fields.state, 1)
  end
  local changed = task.dirty[t.id] or {}
  task.dirty[t.id] = changed
  for field, value in pairs(fields) do
    t[field], changed[field] = value, value
    if value == '' then t[field] = nil end
  end
end

-- Forgets a task whose record is gone.
function task.forget(t)
  task.loaded[t.id], task.dirty[t.id] = nil, nil
end

-- Whether a token may write (C3): held, closed (by this verb before, C7), lost, cancelled or corrupt.
function task.fence(token, verb)
  local t = task.load(token.task)
  if not t then return 'lost' end
  if t.corrupt then return 'corrupt' end
  if t.call ~= token.call or t.claims ~= token.claim then return 'lost' end
  if verb and t.closed == verb then return 'closed', t end
  if t.state == 'cancelled' then return 'cancelled' end
  if t.state ~= 'running' or clock.now >= t.expires_at then return 'lost' end
  return 'held', t
end
