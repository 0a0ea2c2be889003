-- New tasks.

local spawn = {}

function args.new_task()
  return {
    id = args.text(), name = args.text(), params = args.text(), headers = args.text(), policy = args.text(),
    priority = args.int(), max_attempts = args.option(), delay = args.int(), max_pending = args.option(),
    max_running = args.option(), idempotency = args.option(), fingerprint = args.text(),
    join_key = args.option(), on_close = args.option(),
  }
end

-- The task that an item is already (S1): nil when it is new; with true when another has its idempotency key.
function spawn.existing(new)
  if redis.call('EXISTS', key.task(new.id)) == 1 then return new.id end
  local holder = new.idempotency and redis.call('HGET', key.idempotency, new.idempotency)
  if not holder then return nil end
  return string.sub(holder, 1, 36), string.sub(holder, 37) ~= new.fingerprint
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

-- Stores a new task; a child with its parent's id.
function spawn.create(new, parent)
  local sleeps = new.delay > 0
  redis.call('HSET', key.task(new.id),
    'name', new.name, 'params', new.params, 'headers', new.headers, 'policy', new.policy,
    'priority', new.priority, 'max_attempts', new.max_attempts or '', 'max_pending', new.max_pending or '',
    'max_running', new.max_running or '', 'idempotency', new.idempotency or '',
    'parent', parent or '', 'join_key', new.join_key or '', 'on_close', new.on_close or '',
    'state', sleeps and 'sleeping' or 'pending', 'why', sleeps and 'start' or '',
    'at', sleeps and clock.after(clock.up, new.delay) or clock.now,
    'attempt', 1, 'claims', 0, 'order', 0, 'spawned_at', clock.now, 'limit_from', clock.now)
  task.loaded[new.id] = nil
  task.count(sleeps and 'sleeping' or 'pending', 1)
  index(task.load(new.id), new)
end
