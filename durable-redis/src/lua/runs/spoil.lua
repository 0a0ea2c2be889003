-- spoil: fails a task that was claimed and that the driver cannot decode (C6). No verb of the trait: a part of claim.
--
-- ARGV     token, what
-- returns  {no_queue} · {lost} · {cancelled} · {corrupt} · {spoilt}
-- bound    1 task, 500 descendants

local token, what = args.token(), args.text()
if not queue_state then return { 'no_queue' } end
local status, t = task.fence(token)
if status ~= 'held' then return { status } end
t.corrupt = what
if end_corrupt(t) then close_below(t.id) end
return answer({ 'spoilt' })
