-- The time, in whole milliseconds. Lua's numbers are exact up to 2^53, replies and arguments of redis.call keep them,
-- and nothing turns one into text by `..` or tostring.
--
-- `now` is compared; waits are counted from `up`, rounded up, so that none ends early.

local clock = { last = 253402300799999 }

do
  local injected = args.option_int()
  if injected then
    clock.now, clock.up = injected, injected
  else
    local time = redis.call('TIME')
    clock.now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    clock.up = clock.now + 1
  end
end

function clock.after(moment, wait)
  return math.min(moment + wait, clock.last)
end
