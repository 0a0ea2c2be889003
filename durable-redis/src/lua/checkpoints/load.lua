-- load: a page of checkpoints in the order they were stored.
--
-- ARGV     token, after, limit
-- returns  {no_queue} · {lost} · {cancelled} · {corrupt} · {ok, checkpoints [{order, …record}], more 0 or 1}
-- bound    limit <= 1,000 records, 8 MiB and a record; a command for 20 of them

local token, after, limit = args.token(), args.int(), args.int()
if not queue_state then return { 'no_queue' } end
local status, t = task.fence(token)
if status ~= 'held' then return { status } end

-- Orders are dense figures below 2^53; `(` in a score needs text, which %d keeps exact.
local steps = redis.call('ZRANGEBYSCORE', key.steps(t.id), string.format('(%d', after), '+inf',
  'WITHSCORES', 'LIMIT', 0, limit + 1)
local orders = {}
for i = 2, math.min(#steps, 2 * limit), 2 do orders[#orders + 1] = steps[i] end
if #orders == 0 then return { 'ok', {}, 0 } end

-- A few at a time, since nothing says beforehand how large they are.
local records, bytes = {}, 0
local function read(first, last)
  for i, packed in ipairs(redis.call('HMGET', key.history(t.id), unpack(orders, first, last))) do
    local record = history.unpack(packed)
    if not record then return 'corrupt' end
    bytes = bytes + #packed
    if bytes > MAX_BYTES and #records > 0 then return 'full' end
    records[#records + 1] = { tonumber(orders[first + i - 1]), record }
  end
end
for first = 1, #orders, 20 do
  local stop = read(first, math.min(first + 19, #orders))
  if stop == 'corrupt' then return { 'corrupt' } end
  if stop then break end
end
return { 'ok', records, #steps / 2 > #records and 1 or 0 }
