-- New tasks: what `spawn` stores, and `save` for children.

local spawn = {}

function args.new_task()
  return {
    id = args.text(), name = args.text(), params = args.text(), headers = args.text(), policy = args.text(),
    priority = args.int(), max_attempts = args.option_int(), delay = args.int(), max_pending = args.option_int(),
    max_running = args.option_int(), idempotency = args.option(), fingerprint = args.text(),
    join_key = args.option(), on_close = args.option(),
  }
end

-- The task that has an idempotency key, and whether it has another fingerprint; nil when nobody has it.
local function owner(new, earlier)
  if not new.idempotency then return nil end
  local first = earlier[new.idempotency]
  if first then return first.id, first.fingerprint ~= new.fingerprint end
  local holder = redis.call('HGET', key.idempotency, new.idempotency)
  if holder then return string.sub(holder, 1, 36), string.sub(holder, 37) ~= new.fingerprint end
end

-- Says for each task whether it is new or which one it is (S1); within a batch the first item counts. Entries
-- {task, created 0 or 1} and the new ones; or nil with a conflict {index from 0, task}. Writes nothing.
function spawn.plan(items)
  local ids, keys, planned, fresh = {}, {}, {}, {}
  for i, new in ipairs(items) do
    local known = ids[new.id] or task.load(new.id)
    local existing, differs
    if known then existing = new.id else existing, differs = owner(new, keys) end
    if differs then return nil, { i - 1, existing } end
    planned[i] = { existing or new.id, existing and 0 or 1 }
    if not existing then
      fresh[#fresh + 1], ids[new.id] = new, true
      if new.idempotency then keys[new.idempotency] = new end
    end
  end
  return planned, fresh
end

local function index(t, new)
  redis.call('ZADD', key.tasks, 0, t.id)
  if new.idempotency then
    redis.call('HSET', key.idempotency, new.idempotency, t.id .. new.fingerprint)
  end
  if t.parent and t.on_close == 'cancel' then
    redis.call('ZADD', key.children(t.parent), 0, t.id)
  end
  if t.state == 'pending' then
    redis.call('ZADD', key.pending(t.name), 0, pending_member(t))
  end
  if due.of(t) then due.set(t) end
end

-- Adds a task that is not there; a child with its parent's id.
function spawn.add(new, parent)
  local t = { id = new.id }
  local sleeps = new.delay > 0
  task.loaded[t.id] = t
  task.set(t, {
    name = new.name, params = new.params, headers = new.headers, policy = new.policy, priority = new.priority,
    max_attempts = new.max_attempts or '', max_pending = new.max_pending or '',
    max_running = new.max_running or '', idempotency = new.idempotency or '', parent = parent or '',
    join_key = new.join_key or '', on_close = new.on_close or '',
    state = sleeps and 'sleeping' or 'pending', why = sleeps and 'start' or '',
    at = sleeps and clock.after(clock.up, new.delay) or clock.now,
    attempt = 1, claims = 0, order = 0, spawned_at = clock.now, limit_from = clock.now,
  })
  index(t, new)
end
