-- Events as they are stored: payload, metadata, id, at, unreached (the first write that some waits have not seen,
-- while waits stand: the event is waking).

local event = { loaded = {} }

-- The event, or nil.
function event.load(name)
  if event.loaded[name] == nil then
    local found = redis.call('HMGET', key.event(name), 'payload', 'id', 'at', 'unreached')
    event.loaded[name] = found[1] and {
      name = name, payload = found[1], id = found[2], at = tonumber(found[3]), unreached = tonumber(found[4] or ''),
    }
  end
  return event.loaded[name] or nil
end

-- Every wait has seen the event: it may be purged.
function event.rest(e)
  e.unreached = nil
  redis.call('HSET', key.event(e.name), 'unreached', '')
  redis.call('ZREM', key.waking, e.name)
  redis.call('ZADD', key.written, e.at, e.name)
end

-- Some waits have not.
function event.wait_for_tick(e)
  e.unreached = e.unreached or e.at
  redis.call('HSET', key.event(e.name), 'unreached', e.unreached)
  redis.call('ZADD', key.waking, 'NX', e.unreached, e.name)
  redis.call('ZREM', key.written, e.name)
end
