-- The store's own invariants on one queue: what is in the records and what is in the indexes agree.
--
-- ARGV     now; every key of the queue
-- returns  what does not hold

local problems = {}
local function want(good, ...)
  if not good then problems[#problems + 1] = table.concat({ ... }, ' ') end
end

-- Index key -> member -> score, or true where the score says nothing.
local expected = {}
local function expect(index, member, score)
  expected[index] = expected[index] or {}
  expected[index][member] = score or true
end

local counts = {}
local ids = {}
for _, id in ipairs(redis.call('ZRANGE', key.tasks, 0, -1)) do ids[id] = true end

local function check_waits(t)
  local waits = redis.call('HGETALL', key.waits(t.id))
  want(#waits == 0 or task.is_live(t), 'an ended task has waits', t.id)
  for i = 1, #waits, 2 do
    local w = wait.read(t, waits[i])
    want(not history.find(t, w.step), 'a wait that stands has a checkpoint', t.id, w.step)
    if w.source == 'event' then expect(key.waiting(w.target), t.id .. w.step) end
  end
end

local function check_rest(t)
  local rest = redis.call('ZRANGE', key.rest(t.id), 0, -1, 'WITHSCORES')
  local rests = t.state == 'sleeping' and t.why == 'rest'
  want((#rest > 0) == rests, 'a task rests without waits or has a rest without resting', t.id)
  if not rests then return end
  want(t.need >= 1 and t.need <= #rest / 2, 'a rest that is met or that nothing can meet', t.id)
  for i = 1, #rest, 2 do
    local w = wait.read(t, rest[i])
    want(w, 'a task rests on what is no wait', t.id, rest[i])
    if w then want((w.deadline or math.huge) == tonumber(rest[i + 1]), 'a deadline of its own', t.id, rest[i]) end
  end
end

local function check_history(t)
  local stored = redis.call('HLEN', key.history(t.id))
  want(stored == t.order, 'the history has holes', t.id)
  for _, step in ipairs(redis.call('ZRANGE', key.steps(t.id), 0, -1)) do
    local record = history.read(t, history.find(t, step))
    want(record and record[1] == 'checkpoint' and record[2] == step, 'a step is no checkpoint', t.id, step)
    if record and record[3] == 'child' then expect(key.ends(t.id), step, history.find(t, step)) end
  end
end

local function check_state(t)
  local live = task.is_live(t)
  if t.state == 'pending' then expect(key.pending(t.name), pending_member(t)) end
  if t.state == 'running' then expect(key.held(t.call), t.id) end
  if live then
    local at, what = due.of(t)
    if at then expect(key.due, t.id, due.score(at, what)) end
  end
  local closing = redis.call('EXISTS', key.children(t.id)) == 1 and not live
  if closing then expect(key.closing, t.id) elseif not live then expect(key.ended(t.state), t.id, t.ended_at) end
  want(live or t.ended_at, 'an ended task without its time', t.id)
  if live and t.parent and t.on_close == 'cancel' and ids[t.parent] then expect(key.children(t.parent), t.id) end
  counts[t.state] = (counts[t.state] or 0) + 1
end

for id in pairs(ids) do
  local t = task.load(id)
  want(t, 'a listed task is not there', id)
  if t and not t.corrupt then
    check_state(t)
    check_waits(t)
    check_rest(t)
    check_history(t)
  end
end

for _, name in ipairs(redis.call('ZRANGE', key.events, 0, -1)) do
  local e = event.load(name)
  want(e, 'a listed event is not there', name)
  local stands = redis.call('EXISTS', key.waiting(name)) == 1
  want(stands == (e.unreached ~= nil), 'an event is waking without waits, or has waits and is not', name)
  if stands then expect(key.waking, name) else expect(key.written, name, e.at) end
end

-- Every index holds what the records say, and nothing else.
local base = string.sub(KEYS[1], 1, -2)
local indexes = { d = true, x = true, y = true, v = true, p = true, l = true, z = true, c = true, a = true, j = true }
local owned = { t = true, h = true, s = true, w = true, r = true, c = true, j = true }
for i = 2, #ARGV do
  local rest = string.sub(ARGV[i], #base + 1)
  local role, name = string.sub(rest, 1, 1), string.sub(rest, 3)
  if indexes[role] then expected[ARGV[i]] = expected[ARGV[i]] or {} end
  -- A key may have gone since its name was read.
  if owned[role] and #rest > 1 and redis.call('EXISTS', ARGV[i]) == 1 then
    want(ids[name], 'left of a task that is not there', rest)
  end
end
for index, members in pairs(expected) do
  local found = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
  local seen = {}
  for i = 1, #found, 2 do
    seen[found[i]] = tonumber(found[i + 1])
    want(members[found[i]], 'too much in', index, found[i])
  end
  for member, score in pairs(members) do
    want(seen[member], 'missing in', index, member)
    want(score == true or seen[member] == score, 'another score in', index, member)
  end
end
local kept = redis.call('HGETALL', key.counts)
for i = 1, #kept, 2 do
  want(tonumber(kept[i + 1]) == (counts[kept[i]] or 0), 'the count is wrong of', kept[i])
end
local holders = redis.call('HGETALL', key.idempotency)
for i = 1, #holders, 2 do want(ids[string.sub(holders[i + 1], 1, 36)], 'a key of no task', holders[i]) end
return problems
