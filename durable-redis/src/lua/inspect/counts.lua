-- counts: how many tasks are in which state.
--
-- ARGV     none
-- returns  {no_queue} · {ok, sleeping, pending, running, completed, failed, cancelled, ready}
-- bound    the first 1,000 due tasks; further ones are taken for ready

if not queue_state then return { 'no_queue' } end

local values = redis.call('HMGET', key.counts, 'sleeping', 'pending', 'running', 'completed', 'failed', 'cancelled')
local reply = { 'ok' }
for i = 1, 6 do reply[i + 1] = tonumber(values[i] or 0) end

-- What a due task adds to those that are pending: one that its limit cancels is none.
local function readiness(t)
  local limit = due.limit(t)
  if limit and limit <= clock.now then return t.state == 'pending' and -1 or 0 end
  if t.state == 'running' then return (t.max_attempts and t.attempt >= t.max_attempts) and 0 or 1 end
  if t.why == 'rest' then return redis.call('ZCOUNT', key.rest(t.id), '-inf', clock.now) >= t.need and 1 or 0 end
  return 1
end

local last = due.score(clock.now)
local ready = reply[3] + redis.call('ZCOUNT', key.due, '-inf', last)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key.due, '-inf', last, 'LIMIT', 0, 1000)) do
  local t = task.load(id)
  ready = ready - 1 + (t and not t.corrupt and readiness(t) or 0)
end
reply[8] = ready
return reply
