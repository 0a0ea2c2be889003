-- A task as people and tests see it.

local view = {}

-- The fields of a task in the order that the driver reads; nil if a record cannot be decoded.
function view.of(t)
  local more = redis.call('HMGET', key.task(t.id), 'params', 'headers', 'policy', 'idempotency', 'finish')
  if t.corrupt or not (more[1] and more[2] and more[3]) then return nil end
  local ended = not task.is_live(t)
  local finish = ended and history.unpack(more[5]) or false
  if ended and not finish then return nil end
  local rest = t.state == 'sleeping' and t.why == 'rest' and redis.call('ZRANGE', key.rest(t.id), 0, -1)
  local running = t.state == 'running'
  return {
    t.id, t.name, t.state, more[1], more[2], more[3], t.priority, t.attempt, t.max_attempts or false, t.claims,
    more[4] ~= '' and more[4] or false, t.parent or false, t.spawned_at, t.started_at or false,
    t.ended_at or false, t.state == 'pending' and t.at or false, not ended and due.of(t) or false,
    running and t.worker or false, running and t.expires_at or false, rest or false, t.need or false,
    redis.call('ZSCORE', key.closing, t.id) and 1 or 0, finish,
  }
end
