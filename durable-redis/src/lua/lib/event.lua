-- Events as they are stored.

local event = { loaded = {} }

-- The event, or nil: payload, id, at, unreached (the first write that some waits have not seen).
function event.load(name)
  if event.loaded[name] == nil then
    local found = redis.call('HMGET', key.event(name), 'payload', 'id', 'at', 'unreached')
    event.loaded[name] = found[1] and {
      name = name, payload = found[1], id = found[2], at = tonumber(found[3]), unreached = tonumber(found[4] or ''),
    }
  end
  return event.loaded[name] or nil
end
