-- task: one task with its standing waits and a page of its history.
--
-- ARGV     task, after, limit
-- returns  {no_queue} · {not_found} · {corrupt} · {ok, view, waits [{step, source, target, registered_at, deadline or
--          false}], history [{order, aside 0 or 1, record}], more 0 or 1}
-- bound    limit <= 1,000 entries, and the task's standing waits

local id, after, limit = args.text(), args.int(), args.int()
if not queue_state then return { 'no_queue' } end
local t = task.load(id)
if not t then return { 'not_found' } end

local waits = {}
local stored = redis.call('HGETALL', key.waits(id))
for i = 1, #stored, 2 do
  local record = history.unpack(stored[i + 1])
  if not record then return { 'corrupt' } end
  waits[#waits + 1] = { stored[i], record[1], record[2], record[3], record[4] }
end

local entries, last = {}, math.min(after + limit, t.order)
for order = after + 1, last do
  local record = history.read(t, order)
  if not record then return { 'corrupt' } end
  local aside = record[1] == 'checkpoint' and history.find(t, record[2]) ~= order
  entries[#entries + 1] = { order, aside and 1 or 0, record }
end

local shown = view.of(t)
if not shown then return { 'corrupt' } end
return { 'ok', shown, waits, entries, last < t.order and 1 or 0 }
