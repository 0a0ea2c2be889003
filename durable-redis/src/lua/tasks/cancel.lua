-- cancel: cancels a task that has not ended, and up to 500 of its descendants.
--
-- ARGV     task, cause, has reason 0 or 1, reason
-- returns  {no_queue} · {not_found} · {corrupt} · {ended, state, closing 0 or 1} · {cancelled, closing 0 or 1}
-- bound    501 tasks

local id, cause, has_reason, reason = args.text(), args.text(), args.int(), args.text()
if not queue_state then return { 'no_queue' } end
local t = task.load(id)
if not t then return { 'not_found' } end
if t.corrupt then return { 'corrupt' } end
if not task.is_live(t) then
  return { 'ended', t.state, redis.call('ZSCORE', key.closing, id) and 1 or 0 }
end

end_task(t, { cause, has_reason == 1 and reason or nil })
local all = ending.spread(500)
return answer({ 'cancelled', all and 0 or 1 })
