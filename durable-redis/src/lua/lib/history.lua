-- What is stored for a task: checkpoints and failed runs, under one count from 1.
--
-- An end is a list whose first word says how: value (payload) · timeout · reported (payload) · claim_timeout (worker, at)
-- · corrupt (what) · requested (reason?) · parent_closed · max_pending · max_running. Records are packed lists of
-- strings and whole numbers, which come out as they went in.

local history = {}

local function append(t, record)
  local order = t.order + 1
  task.set(t, { order = order })
  redis.call('HSET', key.history(t.id), order, cmsgpack.pack(record))
  return order
end

-- The order of a checkpoint that is loaded; nil without one.
function history.find(t, step)
  local order = redis.call('ZSCORE', key.steps(t.id), step)
  return order and tonumber(order)
end

-- A record, or nil if it cannot be decoded.
function history.unpack(packed)
  if not packed then return nil end
  local good, record = pcall(cmsgpack.unpack, packed)
  if good and type(record) == 'table' then return record end
end

function history.read(t, order)
  return history.unpack(redis.call('HGET', key.history(t.id), order))
end

function history.checkpoint(t, step, kind, finish, started_at, ended_at)
  local worker = t.state == 'running' and t.worker or ''
  local record = { 'checkpoint', step, kind, finish, t.attempt, worker, started_at, ended_at }
  local order = append(t, record)
  redis.call('ZADD', key.steps(t.id), order, step)
  if kind == 'child' then redis.call('ZADD', key.ends(t.id), order, step) end
end

function history.failed_run(t, ended_at, finish)
  append(t, { 'run', t.attempt, t.worker, ended_at, finish })
end
