-- save: stores checkpoints, each with its effect.
--
-- ARGV     count, items [token, step, kind, payload, took, effect (none · spawn, count, tasks · emit, event)]
-- returns  {no_queue} · {ok, items [{lost} · {cancelled} · {corrupt} · {sealed} · {key_taken} · {no_link} · {stored, expires_at} ·
--          {conflict, end}]}
-- bound    items and children <= 1,000; 500 waits ended by events

local items = args.list(function()
  local item = {
    token = args.token(), step = args.text(), kind = args.text(), payload = args.text(), took = args.int(),
    effect = args.text(),
  }
  if item.effect == 'spawn' then item.children = args.list(args.new_task) end
  if item.effect == 'emit' then item.event = args.event() end
  return item
end)
if not queue_state then return { 'no_queue' } end

local to_wake = 500

local function stored_before(t, item, order)
  local record = history.read(t, order)
  if not record then return { 'corrupt' } end
  local finish = record[4]
  if finish[1] ~= 'value' or finish[2] ~= item.payload then return { 'conflict', finish } end
  extend(t, t.lease)
  return { 'stored', t.expires_at }
end

local function apply_effect(t, item, fresh)
  if item.effect == 'spawn' then
    for _, new in ipairs(fresh) do spawn.add(new, t.id) end
  elseif item.effect == 'emit' then
    local _, woken = event.write(item.event, false, to_wake)
    to_wake = to_wake - woken
  end
end

local function do_item(item)
  local status, t = task.fence(item.token)
  if status ~= 'held' then return { status } end
  local order = history.find(t, item.step)
  if order then return stored_before(t, item, order) end
  if item.effect == 'spawn' and queue_state == 'sealed' then return { 'sealed' } end
  local planned, fresh
  if item.effect == 'spawn' then
    for _, new in ipairs(item.children) do
      if not new.join_key then return { 'no_link' } end
    end
    planned, fresh = spawn.plan(item.children)
    if not planned then return { 'key_taken' } end
  end

  store(t, item.step, item.kind, { 'value', item.payload }, clock.now - item.took, clock.now)
  apply_effect(t, item, fresh)
  extend(t, t.lease)
  return { 'stored', t.expires_at }
end

local answers = {}
for i, item in ipairs(items) do answers[i] = do_item(item) end
return answer({ 'ok', answers })
