-- retry: reopens a failed task with its checkpoints.
--
-- ARGV     task, attempts, from or ''
-- returns  {no_queue} · {not_found} · {corrupt} · {live} · {ended, state} · {closing} · {unknown} · {reopened}
-- bound    1 task; what is set aside goes by one command

local id, attempts, from = args.text(), args.int(), args.option()
if not queue_state then return { 'no_queue' } end
local t = task.load(id)
if not t then return { 'not_found' } end
if t.corrupt then return { 'corrupt' } end
if task.is_live(t) then return { 'live' } end
if t.state ~= 'failed' then return { 'ended', t.state } end
if redis.call('ZSCORE', key.closing, id) then return { 'closing' } end
local first = from and history.find(t, from)
if from and not first then return { 'unknown' } end

-- Sets aside what its own runs stored; ends of children stay.
if first then
  redis.call('ZREMRANGEBYSCORE', key.steps(id), first, '+inf')
  redis.call('ZUNIONSTORE', key.steps(id), 2, key.steps(id), key.ends(id), 'AGGREGATE', 'MAX')
end

local parent = t.parent and task.load(t.parent)
local goes_alone = t.parent and not (parent and not parent.corrupt and task.is_live(parent))
if t.on_close == 'cancel' and not goes_alone then redis.call('ZADD', key.children(t.parent), 0, id) end

redis.call('ZREM', key.ended(t.state), id)
local most = 2147483647
make_pending(t, clock.now, {
  attempt = math.min(t.attempt + 1, most),
  max_attempts = t.max_attempts and math.min(t.max_attempts + attempts, most) or '',
  started_at = '', limit_from = clock.now, ended_at = '', finish = '',
  on_close = goes_alone and 'abandon' or t.on_close or '',
})
return answer({ 'reopened' })
