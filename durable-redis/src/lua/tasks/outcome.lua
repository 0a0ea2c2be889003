-- outcome: tells how a task ended.
--
-- ARGV     task
-- returns  {no_queue} · {not_found} · {corrupt} · {live} · {ended, end}
-- bound    2 commands

local id = args.text()
if not queue_state then return { 'no_queue' } end
local t = task.load(id)
if not t then return { 'not_found' } end
if t.corrupt then return { 'corrupt' } end
if task.is_live(t) then return { 'live' } end
local finish = history.unpack(redis.call('HGET', key.task(id), 'finish'))
if not finish then return { 'corrupt' } end
return { 'ended', finish }
