-- spawn: stores tasks, all or none.
--
-- ARGV     count, tasks
-- returns  {no_queue} · {sealed} · {conflict, index from 0, task} · {ok, {{task, created 0 or 1}, …}}
-- bound    at most 7 commands a task, at most 1,000 tasks

local items = args.list(args.new_task)
if not queue_state then return { 'no_queue' } end

-- Within a batch the first item counts: what an earlier one will create is there for a later one.
local by_id, by_key = {}, {}
local answers, fresh = {}, {}
for i, new in ipairs(items) do
  local existing, differs = by_id[new.id] and new.id, false
  if not existing and new.idempotency and by_key[new.idempotency] then
    local first = by_key[new.idempotency]
    existing, differs = first.id, first.fingerprint ~= new.fingerprint
  end
  if not existing then existing, differs = spawn.existing(new) end
  if differs then return { 'conflict', i - 1, existing } end
  answers[i] = { existing or new.id, existing and 0 or 1 }
  if not existing then
    fresh[#fresh + 1], by_id[new.id] = new, true
    if new.idempotency then by_key[new.idempotency] = new end
  end
end
if queue_state == 'sealed' and #fresh > 0 then return { 'sealed' } end

for _, new in ipairs(fresh) do spawn.create(new) end
return answer({ 'ok', answers })
