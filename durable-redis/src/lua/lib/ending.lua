-- Ends of tasks, and what spreads from them.

local ending = { closing = {}, closed = 0 }

local STATE_OF = {
  value = 'completed',
  reported = 'failed', claim_timeout = 'failed', corrupt = 'failed',
  requested = 'cancelled', parent_closed = 'cancelled', max_pending = 'cancelled', max_running = 'cancelled',
}

-- Takes the closing mark away when no live child is left: from now on the task may be purged.
local function close_if_done(id)
  if redis.call('EXISTS', key.children(id)) == 1 then return false end
  if redis.call('ZREM', key.closing, id) == 1 then
    local t = task.load(id)
    if t and not task.is_live(t) then redis.call('ZADD', key.ended(t.state), t.ended_at or clock.now, id) end
  end
  return true
end

-- Writes a child's end to its parent's join checkpoint, unless there is one or the parent has ended (T1).
local function tell_parent(t, finish)
  if not t.parent then return end
  local closes = t.on_close == 'cancel' and redis.call('ZREM', key.children(t.parent), t.id) == 1
  local parent = task.load(t.parent)
  if not parent or parent.corrupt then return end
  if not task.is_live(parent) then
    if closes then close_if_done(t.parent) end
    return
  end
  if history.find(parent, t.join_key) then return end
  local stands = wait.read(parent, t.join_key)
  local w = { step = t.join_key, source = 'child', target = t.id, registered_at = t.spawned_at }
  if stands then
    wait.finish(parent, w, finish, clock.now)
  else
    wait.store(parent, w, finish, clock.now)
  end
end

-- Ends a live task for good; marks it closing if live children hang on it.
local function end_task(t, finish, also)
  leave_state(t)
  wait.drop_all(t)
  local fields = also or {}
  fields.state, fields.ended_at, fields.finish = STATE_OF[finish[1]], clock.now, cmsgpack.pack(finish)
  fields.why, fields.at, fields.need, fields.expires_at = '', '', '', ''
  task.set(t, fields)
  redis.call('ZREM', key.due, t.id)
  if redis.call('EXISTS', key.children(t.id)) == 1 then
    redis.call('ZADD', key.closing, 'NX', clock.now, t.id)
    ending.closing[#ending.closing + 1] = t.id
  else
    redis.call('ZADD', key.ended(t.state), clock.now, t.id)
  end
  tell_parent(t, finish)
end

-- Fails a task that cannot be decoded, for that alone (C6), and makes it readable again.
local function end_corrupt(t)
  local what = t.corrupt
  t.corrupt = nil
  if what == 'record' then redis.call('UNLINK', key.task(t.id)) end
  local also = { name = t.name }
  for field in pairs(FIGURES) do also[field] = t[field] end
  for field in pairs(OPTIONAL_FIGURES) do also[field] = t[field] or '' end
  end_task(t, { 'corrupt', what }, also)
  for _, field in ipairs({ 'params', 'headers', 'policy' }) do
    redis.call('HSETNX', key.task(t.id), field, 'null')
  end
end

-- Cancels up to `limit` live children of an ended task; the number done.
local function close_children(id, limit)
  local children = redis.call('ZRANGE', key.children(id), 0, limit - 1)
  for _, child_id in ipairs(children) do
    local child = task.load(child_id)
    if child and not child.corrupt and task.is_live(child) then
      end_task(child, { 'parent_closed' })
      ending.closed = ending.closed + 1
    else
      if child and child.corrupt then end_corrupt(child) end
      redis.call('ZREM', key.children(id), child_id)
    end
  end
  return #children, close_if_done(id)
end

-- Cancels up to `limit` descendants of the tasks that this call has ended; whether that was all of them. `tick` does
-- the others.
function ending.spread(limit)
  local at = 1
  while limit > 0 and ending.closing[at] do
    local id = ending.closing[at]
    local closed, done = close_children(id, limit)
    limit = limit - closed
    if done then at = at + 1 end
  end
  return ending.closing[at] == nil
end
