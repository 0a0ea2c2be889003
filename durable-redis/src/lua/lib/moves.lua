-- What several verbs do to a task: each move exists once.

-- Stores a checkpoint. A wait under its key is over by that, and if it was the last one that a rest needed, the task
-- is ready from now on (W3). `w` is that wait; nil to look for it, false when there is none.
local function store(t, step, kind, finish, started_at, ended_at, w)
  if w == nil then w = wait.read(t, step) end
  if w then wait.remove(t, w) end
  history.checkpoint(t, step, kind, finish, started_at, ended_at)
  if t.state ~= 'sleeping' or t.why ~= 'rest' or redis.call('ZREM', key.rest(t.id), step) == 0 then return end
  task.set(t, { need = t.need - 1 })
  if t.need <= 0 then
    make_pending(t, clock.now)
  else
    due.set(t)
  end
end

-- Ends a standing wait if its event or its time has come; whether it did. It is the one place that does.
local function settle(t, w)
  local finish, at = wait.verdict(w)
  if not finish then return false end
  store(t, w.step, wait.kinds[w.source], finish, w.registered_at, at, w)
  return true
end

-- Ends a task for good: its waits go, it is closing if its end cancels children, and its parent gets its end in the
-- same step (T1).
local ending = { left = 500, closed = 0 }

local STATE_OF = {
  value = 'completed',
  reported = 'failed', claim_timeout = 'failed', corrupt = 'failed',
  requested = 'cancelled', parent_closed = 'cancelled', max_pending = 'cancelled', max_running = 'cancelled',
}

-- A closing task is so no longer when its last live child has ended: from now on it may be purged.
local function settle_closing(id)
  if redis.call('EXISTS', key.children(id)) == 1 then return false end
  if redis.call('ZREM', key.closing, id) == 1 then
    local t = task.load(id)
    if t and not task.is_live(t) then redis.call('ZADD', key.ended(t.state), t.ended_at or clock.now, id) end
  end
  return true
end

-- Writes the end of a child to its parent; a parent that has ended is told nothing, but may have closed by it.
local function tell_parent(t, finish)
  if not t.parent then return end
  local closes = t.on_close == 'cancel' and redis.call('ZREM', key.children(t.parent), t.id) == 1
  local parent = task.load(t.parent)
  if not parent or parent.corrupt then return end
  if not task.is_live(parent) then
    if closes then settle_closing(t.parent) end
    return
  end
  local w = wait.read(parent, t.join_key)
  if w and settle(parent, w) then return end
  if not history.find(parent, t.join_key) then
    store(parent, t.join_key, 'child', finish, t.spawned_at, clock.now, w or false)
  end
end

local function end_task(t, finish, also)
  leave_state(t)
  wait.remove_all(t)
  local fields = also or {}
  fields.state, fields.ended_at, fields.finish = STATE_OF[finish[1]], clock.now, cmsgpack.pack(finish)
  fields.why, fields.at, fields.need, fields.expires_at = '', '', '', ''
  task.set(t, fields)
  redis.call('ZREM', key.due, t.id)
  local closing = redis.call('EXISTS', key.children(t.id)) == 1
  if closing then
    redis.call('ZADD', key.closing, 'NX', clock.now, t.id)
  else
    redis.call('ZADD', key.ended(t.state), clock.now, t.id)
  end
  tell_parent(t, finish)
  return closing
end

-- Fails a task that cannot be decoded, for that alone (C6), and makes it readable again; whether it is closing.
local function end_corrupt(t)
  local what = t.corrupt
  t.corrupt = nil
  if what == 'record' then redis.call('UNLINK', key.task(t.id)) end
  local also = { name = t.name }
  for field in pairs(FIGURES) do also[field] = t[field] end
  for field in pairs(OPTIONAL_FIGURES) do also[field] = t[field] or '' end
  local closing = end_task(t, { 'corrupt', what }, also)
  for _, field in ipairs({ 'params', 'headers', 'policy' }) do
    if what == 'payload' then
      redis.call('HSET', key.task(t.id), field, 'null')
    else
      redis.call('HSETNX', key.task(t.id), field, 'null')
    end
  end
  return closing
end
