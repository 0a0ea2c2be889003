-- tasks: a page of tasks by id.
--
-- ARGV     after or '', limit, examined at most; state or '', name or '', parent or ''
-- returns  {no_queue} · {ok, views, last examined or false}; a task that cannot be decoded does not show
-- bound    1,000 tasks

local after, limit, examine = args.option(), args.int(), args.int()
local state, name, parent = args.option(), args.option(), args.option()
if not queue_state then return { 'no_queue' } end

local ids = redis.call('ZRANGEBYLEX', key.tasks, after and '(' .. after or '-', '+', 'LIMIT', 0, examine + 1)
local views, last = {}, false
for i = 1, math.min(#ids, examine) do
  if #views == limit then break end
  last = ids[i]
  local t = task.load(last)
  if t and not t.corrupt and (not state or t.state == state) and (not name or t.name == name)
    and (not parent or t.parent == parent) then
    views[#views + 1] = view.of(t)
  end
end
return { 'ok', views, last ~= ids[#ids] and last or false }
