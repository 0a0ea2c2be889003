-- spawn: stores tasks, all or none.
--
-- ARGV     count, tasks
-- returns  {no_queue} · {sealed} · {conflict, index from 0, task} · {ok, {{task, created 0 or 1}, …}}
-- bound    at most 7 commands a task, at most 1,000 tasks

local items = args.list(args.new_task)
if not queue_state then return { 'no_queue' } end

local planned, fresh = spawn.plan(items)
if not planned then return { 'conflict', fresh[1], fresh[2] } end
if queue_state == 'sealed' and #fresh > 0 then return { 'sealed' } end

for _, new in ipairs(fresh) do spawn.add(new) end
return answer({ 'ok', planned })
