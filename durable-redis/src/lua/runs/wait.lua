-- wait: registers waits, and lets runs rest on some of theirs.
--
-- ARGV     count, items [token; count, waits [step, source, target or '', '' or after or at, ms]; rests 0 or 1,
--          need; count, step keys]
-- returns  {no_queue} · {ok, items [{lost} · {cancelled} · {corrupt} · {invalid, why} · {no_child} · {registered} ·
--          {suspended} · {met, [{step, end, at}]}]}
-- bound    10 commands a wait, 3 a key, at most 1,000 of both

local function read_wait()
  local w = { step = args.text(), source = args.text(), target = args.text() }
  local how, ms = args.option(), args.option_int()
  if how == 'at' then w.deadline = ms elseif how == 'after' then w.deadline = clock.after(clock.up, ms) end
  w.registered_at = clock.now
  return w
end

local items = args.list(function()
  return {
    token = args.token(), waits = args.list(read_wait), rests = args.int() == 1, need = args.int(),
    keys = args.list(args.text),
  }
end)
if not queue_state then return { 'no_queue' } end

-- The distinct step keys that an item names, in order.
local function named(item)
  local seen, steps = {}, {}
  local function add(step)
    if not seen[step] then seen[step], steps[#steps + 1] = true, step end
  end
  for _, w in ipairs(item.waits) do add(w.step) end
  for _, step in ipairs(item.keys) do add(step) end
  return steps
end

-- What is there under the named keys: checkpoints (by order) and standing waits.
local function known(t, steps)
  local found = { done = {}, standing = {} }
  if #steps == 0 then return found end
  for i, order in ipairs(redis.call('ZMSCORE', key.steps(t.id), unpack(steps))) do
    if order then
      found.done[steps[i]] = tonumber(order)
    else
      found.standing[steps[i]] = wait.read(t, steps[i])
    end
  end
  return found
end

-- A child's end that its parent has not got: it ended while the parent was ended, too.
local function ended_child(child)
  if task.is_live(child) then return nil end
  return history.unpack(redis.call('HGET', key.task(child.id), 'finish'))
end

-- Why the item cannot be done; nil if it can.
local function refused(t, item, found)
  local new = {}
  for _, w in ipairs(item.waits) do
    local is_new = not (found.done[w.step] or found.standing[w.step])
    if is_new and w.source == 'time' and not w.deadline then
      return { 'invalid', 'a wait for time without a deadline' }
    end
    if is_new and w.source == 'child' then
      local child = task.load(w.target)
      if not child or child.corrupt or child.parent ~= t.id or child.join_key ~= w.step then
        return { 'no_child' }
      end
    end
    new[w.step] = true
  end
  if not item.rests then return nil end
  local seen, count = {}, 0
  for _, step in ipairs(item.keys) do
    if not (new[step] or found.done[step] or found.standing[step]) then
      return { 'invalid', 'a key to rest on that is neither a wait nor a checkpoint' }
    end
    if not seen[step] then seen[step], count = true, count + 1 end
  end
  if item.need < 1 or item.need > count then return { 'invalid', 'the number to rest on' } end
end

-- The end of a new wait whose event exists or whose child has ended, whatever its deadline, and when (W1); nil if it
-- is to stand.
local function over_already(w)
  local e = w.source == 'event' and event.load(w.target)
  if e then return { 'value', e.payload }, e.at end
  if w.source == 'child' then
    local child = task.load(w.target)
    local finish = ended_child(child)
    if finish then return finish, child.ended_at end
  end
end

local function started_at(w)
  return w.source == 'child' and task.load(w.target).spawned_at or w.registered_at
end

-- Registers the new waits and ends those whose end has come.
local function register(t, item, steps, found)
  for _, w in ipairs(item.waits) do
    if not found.done[w.step] and not found.standing[w.step] then
      local finish, at = over_already(w)
      if finish then
        store(t, w.step, wait.kinds[w.source], finish, started_at(w), at, false)
        found.done[w.step] = t.order
      else
        wait.add(t, w)
        found.standing[w.step] = w
      end
    end
  end
  for _, step in ipairs(steps) do
    local w = found.standing[step]
    if w and settle(t, w) then
      found.done[step], found.standing[step] = t.order, nil
    end
  end
end

local function suspend(t, item, found, need)
  local rest, seen = {}, {}
  for _, step in ipairs(item.keys) do
    local w = found.standing[step]
    if w and not seen[step] then
      seen[step] = true
      rest[#rest + 1] = w.deadline or '+inf'
      rest[#rest + 1] = step
    end
  end
  for first = 1, #rest, 1000 do
    redis.call('ZADD', key.rest(t.id), unpack(rest, first, math.min(first + 999, #rest)))
  end
  make_sleeping(t, 'rest', '', { need = need, closed = 'wait', closed_as = 'suspended' })
  return { 'suspended' }
end

local function met(t, steps, found)
  local ends = {}
  for _, step in ipairs(steps) do
    if found.done[step] then
      local record = history.read(t, found.done[step])
      if not record then return { 'corrupt' } end
      ends[#ends + 1] = { step, record[4], record[8] }
    end
  end
  return { 'met', ends }
end

local function do_item(item)
  local status, t = task.fence(item.token, 'wait')
  if status == 'closed' then return { 'suspended' } end
  if status ~= 'held' then return { status } end
  local steps = named(item)
  local found = known(t, steps)
  local refusal = refused(t, item, found)
  if refusal then return refusal end

  register(t, item, steps, found)
  local counted, done = {}, 0
  for _, step in ipairs(item.rests and item.keys or steps) do
    if found.done[step] and not counted[step] then counted[step], done = true, done + 1 end
  end
  local need = item.rests and item.need or 1
  if done >= need then return met(t, steps, found) end
  if not item.rests then return { 'registered' } end
  return suspend(t, item, found, need - done)
end

local answers = {}
for i, item in ipairs(items) do answers[i] = do_item(item) end
return answer({ 'ok', answers })
