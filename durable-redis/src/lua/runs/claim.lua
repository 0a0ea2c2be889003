-- claim: ends runs, does what is due, and takes pending tasks.
--
-- ARGV     call, repeat 0 or 1, worker, lease, max; count, names; count, ends [token, verb, and: result (complete) ·
--          failure, retry after or '' (fail) · after (release)]
-- returns  {no_queue, now} · {ok, now, ends [{lost} · {cancelled} · {corrupt} · {completed} · {failed} · {retrying, due} ·
--          {released, due}], claims [{…}], more 0 or 1, next due or false}
-- bound    ends + max <= 1,000 tasks, 500 descendants, max(100, 2 max) due things, 8 MiB of claims

local call, is_repeat, worker = args.text(), args.int() == 1, args.text()
local lease, max = args.int(), args.int()
local names = args.set(args.text)
local ends = args.list(function()
  local item = { token = args.token(), verb = args.text(), payload = args.text(), after = args.option_int() }
  return item
end)
if not queue_state then return { 'no_queue', clock.now } end

local function close(verb, as, at)
  return { closed = verb, closed_as = as, closed_at = at or '' }
end

-- Puts the task back until `wait` has passed; when it is ready.
local function put_back(t, wait_ms, verb, as, also)
  local at = wait_ms > 0 and clock.after(clock.up, wait_ms) or clock.now
  for field, value in pairs(close(verb, as, at)) do also[field] = value end
  if wait_ms > 0 then make_sleeping(t, 'retry', at, also) else make_pending(t, at, also) end
  return { as, at }
end

local APPLY = {
  complete = function(t, item)
    end_and_close(t, { 'value', item.payload }, close('complete', 'completed'))
    return { 'completed' }
  end,
  fail = function(t, item)
    local finish = { 'reported', item.payload }
    history.failed_run(t, clock.now, finish)
    if item.after then return put_back(t, item.after, 'fail', 'retrying', { attempt = math.min(t.attempt + 1, 2147483647) }) end
    end_and_close(t, finish, close('fail', 'failed'))
    return { 'failed' }
  end,
  release = function(t, item)
    return put_back(t, item.after, 'release', 'released', {})
  end,
}

local function end_run(item)
  local status, t = task.fence(item.token, item.verb)
  if status == 'closed' then return { t.closed_as, t.closed_at } end
  if status ~= 'held' then return { status } end
  return APPLY[item.verb](t, item)
end

-- The payloads of a claim; nil if one is gone.
local function payloads_of(t)
  local found = redis.call('HMGET', key.task(t.id), 'params', 'headers', 'policy')
  return found[1] and found[2] and found[3] and found or nil
end

local function describe(t, payloads)
  return {
    t.id, t.claims, t.name, payloads[1], payloads[2], payloads[3], t.parent or false, t.attempt,
    t.max_attempts or false, t.claimed_at, t.expires_at,
    t.order > 0 and redis.call('ZCARD', key.steps(t.id)) or 0,
  }
end

-- The tasks that are still held under this call.
local function held()
  local claims = {}
  for _, id in ipairs(redis.call('ZRANGE', key.held(call), 0, 999)) do
    local t = task.load(id)
    if t and not t.corrupt and t.state == 'running' and t.call == call and clock.now < t.expires_at then
      local payloads = payloads_of(t)
      if payloads then claims[#claims + 1] = describe(t, payloads) end
    end
  end
  return claims
end

local function take(t, position)
  leave_state(t)
  task.set(t, {
    state = 'running', at = '', why = '', claims = t.claims + 1, call = call, worker = worker, lease = lease,
    claimed_at = clock.now,
    expires_at = clock.after(clock.now, lease), started_at = t.started_at or clock.now,
    closed = '', closed_as = '', closed_at = '',
  })
  redis.call('ZADD', key.held(call), position, t.id)
  due.set(t)
end

-- Gives the pending members of all names in their order, reading a few of each at a time.
local function merged(limit)
  local chunk = math.ceil(limit / #names)
  local heads = {}
  local function refill(head)
    -- What was given is out of the index by now, so that the next ones are in front.
    head.members, head.at = redis.call('ZRANGE', key.pending(head.name), 0, chunk - 1), 1
  end
  for _, name in ipairs(names) do
    heads[#heads + 1] = { name = name }
    refill(heads[#heads])
  end
  return function()
    local best
    for _, head in ipairs(heads) do
      if head.at > chunk then refill(head) end
      local member = head.members[head.at]
      if member and (not best or member < best.members[best.at]) then best = head end
    end
    if not best then return nil end
    best.at = best.at + 1
    return best.members[best.at - 1], best.name
  end
end

-- Takes a pending task, or does what has to be done instead; the claim and its bytes, or nil and whether it is too
-- large for what is left of the answer.
local function try(member, name, position, bytes)
  local t = task.load(pending_task(member))
  if not t or t.corrupt or t.state ~= 'pending' then
    redis.call('ZREM', key.pending(name), member)
    if t and t.corrupt then end_corrupt(t) end
    return nil
  end
  local limit, cause = due.limit(t)
  if limit and limit <= clock.now then 
    end_and_close(t, { cause })
    return nil
  end
  local payloads = payloads_of(t)
  if not payloads then
    t.corrupt = 'payload'
    end_corrupt(t)
    return nil
  end
  local size = #payloads[1] + #payloads[2] + #payloads[3]
  if position > 0 and bytes + size > MAX_BYTES then return nil, true end
  take(t, position)
  return describe(t, payloads), size
end

local function claim()
  local claims, bytes, examined = {}, 0, 0
  if max == 0 or #names == 0 or queue_state ~= 'open' then return claims end
  local next_member = merged(max)
  while #claims < max and examined < 2 * max + 100 do
    local member, name = next_member()
    if not member then break end
    local given, size = try(member, name, #claims, bytes)
    if size == true then break end
    if given then claims[#claims + 1], bytes = given, bytes + size end
    examined = examined + 1
  end
  return claims
end

local function more()
  if queue_state ~= 'open' then return 0 end
  for _, name in ipairs(names) do
    if redis.call('EXISTS', key.pending(name)) == 1 then return 1 end
  end
  return 0
end

local answers = {}
for i, item in ipairs(ends) do answers[i] = end_run(item) end
max = math.min(max, 1000 - #ends)
upkeep.run(math.min(math.max(100, 2 * max), 1000))
local claims = held()
if #claims == 0 and not is_repeat then claims = claim() end
return answer({ 'ok', clock.now, answers, claims, more(), upkeep.next_due() })
