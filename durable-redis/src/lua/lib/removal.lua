-- What goes for good.

local removal = {}

-- Removes an ended task with all that belongs to it. Large keys are freed by the server behind the script's back, so
-- that a task counts as one record, however long its history is.
function removal.task(t)
  local stored = redis.call('HGET', key.task(t.id), 'idempotency')
  if stored and stored ~= '' then
    local holder = redis.call('HGET', key.idempotency, stored)
    if holder and string.sub(holder, 1, 36) == t.id then redis.call('HDEL', key.idempotency, stored) end
  end
  redis.call('UNLINK', key.task(t.id), key.history(t.id), key.steps(t.id), key.ends(t.id), key.waits(t.id))
  redis.call('ZREM', key.tasks, t.id)
  redis.call('ZREM', key.ended(t.state), t.id)
  task.count(t.state, -1)
  task.forget(t)
end

function removal.event(name)
  redis.call('UNLINK', key.event(name))
  redis.call('ZREM', key.events, name)
  redis.call('ZREM', key.written, name)
  event.loaded[name] = nil
end
