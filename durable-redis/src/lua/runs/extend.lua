-- extend: extends leases, never shortening one.
--
-- ARGV     count, items [token, lease]
-- returns  {no_queue} · {ok, items [{lost} · {cancelled} · {corrupt} · {extended, expires_at}]}
-- bound    3 commands an item, at most 1,000 items

local items = args.list(function() return { token = args.token(), lease = args.int() } end)
if not queue_state then return { 'no_queue' } end

local answers = {}
for i, item in ipairs(items) do
  local status, t = task.fence(item.token)
  if status == 'held' then
    extend(t, item.lease)
    answers[i] = { 'extended', t.expires_at }
  else
    answers[i] = { status }
  end
end
return answer({ 'ok', answers })
