#!lua
-- Keys of one queue. All of them carry the queue's hash tag, so that every script stays in one slot.
--
-- KEYS   1 queue, 2 never, 3 due, 4 closing, 5 waking, 6 tasks, 7 events, 8 written, 9 idempotency,
--        10 counts; the same for every script
-- ARGV   1 now in ms, or '' for the server's own clock; then what the verb's header lists
--
-- `never` is a key that nobody writes. Declared beside keys that exist, it makes the server itself refuse a script
-- on a moving slot: ASK on the old node, TRYAGAIN on the new one, which has a part of the records. The probe says
-- `moving` where a server does not look at what is declared.

-- queue: a hash (state, name) · due: zset, see due.lua · closing: zset, ended tasks that still cancel children, by when
-- they ended · waking: zset, events by the first write that some waits have not seen · tasks, events: zsets for listing,
-- all scores 0 · written: zset, events that are not waking, by their last write · idempotency: hash, key -> task id ..
-- fingerprint · counts: hash, how many tasks are in which state

local key = {
  queue = KEYS[1],
  due = KEYS[3],
  closing = KEYS[4],
  waking = KEYS[5],
  tasks = KEYS[6],
  events = KEYS[7],
  written = KEYS[8],
  idempotency = KEYS[9],
  counts = KEYS[10],
}

do
  local base = string.sub(KEYS[1], 1, -2)
  local probe = redis.pcall('EXISTS', base .. '~never')
  if type(probe) == 'table' and probe.err then
    return { 'moving' }
  end

  for role, letter in pairs({
    task = 't',        -- hash: the record of a task, by id
    history = 'h',     -- hash: order -> checkpoint or failed run
    steps = 's',       -- zset: step key by order, without what is set aside
    waits = 'w',       -- hash: step key -> standing wait
    ends = 'j',        -- zset: the steps of these that are ends of children
    rest = 'r',        -- zset: the waits that a task rests on, by deadline
    ended = 'z',       -- zset: ended tasks of one state that are not closing, by when they ended
    children = 'c',    -- zset: live children that the task's end cancels, by id
    held = 'l',        -- zset: tasks that a claim call holds, in the order it gave them
    pending = 'p',     -- zset: pending tasks of one name, in the order to claim
    event = 'e',       -- hash: an event, by name
    waiting = 'a',     -- zset: waits for an event, task id .. step key
  }) do
    local prefix = base .. letter .. ':'
    key[role] = function(name) return prefix .. name end
  end
end

-- How a queue is: open, paused or sealed; false when there is none.
local queue_state = redis.call('HGET', key.queue, 'state')
