-- emit: writes an event and ends the waits for it.
--
-- ARGV     name, payload, metadata, id, only if absent 0 or 1
-- returns  {no_queue} · {written} · {kept} · {repeated}
-- bound    500 waits

local new, only_if_absent = args.event(), args.int() == 1
if not queue_state then return { 'no_queue' } end
local status = event.write(new, only_if_absent, 500)
return answer({ status })
