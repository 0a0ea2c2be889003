-- cancel: cancels a task that has not ended, and up to 500 of its descendants.
--
-- ARGV     task, cause, has reason 0 or 1, reason
-- returns  {no_queue} · {not_found} · {corrupt} · {ended, state, closing 0 or 1} · {cancelled, closing 0 or 1}
-- bound    501 tasks; 1,000 looks for an ended one

local id, cause, has_reason, reason = args.text(), args.text(), args.int(), args.text()
-- Whether the end of a task has live descendants left to cancel: some closing task is this one, or hangs from it by
-- links that close. It looks at 1,000 records at most, and says so if there may be more.
local function is_closing_below(ancestor)
  local looks = 0
  for _, closing in ipairs(redis.call('ZRANGE', key.closing, 0, 999)) do
    local at = closing
    while at do
      looks = looks + 1
      if at == ancestor or looks > 1000 then return true end
      local t = task.load(at)
      at = t and t.on_close == 'cancel' and t.parent or nil
    end
  end
  return false
end

if not queue_state then return { 'no_queue' } end
local t = task.load(id)
if not t then return { 'not_found' } end
if t.corrupt then return { 'corrupt' } end
if not task.is_live(t) then
  return { 'ended', t.state, is_closing_below(id) and 1 or 0 }
end

local left = end_and_close(t, { cause, has_reason == 1 and reason or nil })
return answer({ 'cancelled', left and 1 or 0 })
