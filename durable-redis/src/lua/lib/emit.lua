-- Events that are written, and the waits that they end.

-- Ends up to `limit` waits for an event that exists; the number done. While some are left, it is waking.
function event.wake(e, limit)
  local members = limit > 0 and redis.call('ZRANGE', key.waiting(e.name), 0, limit - 1) or {}
  e.is_waking = true
  for _, member in ipairs(members) do
    local t, step = task.load(string.sub(member, 1, 36)), string.sub(member, 37)
    local w = t and not t.corrupt and wait.read(t, step)
    if not (w and w.source == 'event' and w.target == e.name and settle(t, w)) then
      redis.call('ZREM', key.waiting(e.name), member)
      if t and t.corrupt then end_corrupt(t) end
    end
  end
  e.is_waking = false
  if redis.call('EXISTS', key.waiting(e.name)) == 1 then event.wait_for_tick(e) else event.rest(e) end
  return #members
end

-- Writes an event, unless this was its last write already: written (with the number of waits ended), kept or
-- repeated.
function event.write(new, only_if_absent, limit)
  local e = event.load(new.name)
  if e and e.id == new.id then return 'repeated', 0 end
  if e and only_if_absent then return 'kept', 0 end
  e = {
    name = new.name, payload = new.payload, id = new.id, at = clock.now,
    unreached = e and e.unreached or clock.now,
  }
  event.loaded[new.name] = e
  redis.call('HSET', key.event(e.name), 'payload', e.payload, 'metadata', new.metadata, 'id', e.id, 'at', e.at)
  redis.call('ZADD', key.events, 0, e.name)
  return 'written', event.wake(e, limit)
end

function args.event()
  return { name = args.text(), payload = args.text(), metadata = args.text(), id = args.text() }
end
