-- tick: does what is due, and then what marks are left.
--
-- ARGV     limit
-- returns  {no_queue} · {ok, started, woken, expired [{task, attempt, worker, at}], limited, closed, closing left,
--          next due or false, more 0 or 1}
-- bound    limit <= 1,000 things

local limit = args.int()
if not queue_state then return { 'no_queue' } end

-- Ends mark here, and spread below with what the due things leave of the limit.
ending.left = 0
local left = limit - upkeep.run(limit)
while left > 0 do
  local oldest = redis.call('ZRANGE', key.closing, 0, 0)
  if not oldest[1] then break end
  left = left - math.max(1, (close_children(oldest[1], left)))
end
while left > 0 do
  local oldest = redis.call('ZRANGE', key.waking, 0, 0)
  if not oldest[1] then break end
  local e, done = event.load(oldest[1]), 0
  if e then
    done = event.wake(e, left)
    upkeep.woken = upkeep.woken + done
  else
    redis.call('ZREM', key.waking, oldest[1])
  end
  left = left - math.max(1, done)
end

local next_due = upkeep.next_due()
return answer({
  'ok', upkeep.started, upkeep.woken, upkeep.expired, upkeep.limited, ending.closed,
  redis.call('ZCARD', key.closing), next_due, next_due and next_due <= clock.now and 1 or 0,
})
