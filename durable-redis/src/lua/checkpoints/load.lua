-- load: a page of checkpoints in the order they were stored.
--
-- ARGV     token, after, limit
-- returns  {no_queue} · {lost} · {cancelled} · {corrupt} · {ok, checkpoints [{order, …record}], more 0 or 1}
-- bound    3 commands, limit <= 1,000 records, 16 MiB

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

local records, bytes = {}, 0
for i, packed in ipairs(redis.call('HMGET', key.history(t.id), unpack(orders))) do
  local record = history.unpack(packed)
  if not record then return { 'corrupt' } end
  records[i], bytes = { tonumber(orders[i]), record }, bytes + #packed
  if bytes > 16 * 1024 * 1024 then break end
end
return { 'ok', records, #steps / 2 > #records and 1 or 0 }
