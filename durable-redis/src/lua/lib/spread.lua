-- How an end spreads to descendants: at most `ending.left` in one call, the rest is with `tick`.

-- Cancels up to `limit` live children of a closing task. The number done, whether that was all, and those that are
-- closing themselves.
local function close_children(id, limit)
  local children = redis.call('ZRANGE', key.children(id), 0, limit - 1)
  local closing = {}
  for _, child_id in ipairs(children) do
    local child = task.load(child_id)
    if child and not child.corrupt and task.is_live(child) then
      ending.closed = ending.closed + 1
      if end_task(child, { 'parent_closed' }) then closing[#closing + 1] = child_id end
    else
      if child and child.corrupt then end_corrupt(child) end
      redis.call('ZREM', key.children(id), child_id)
    end
  end
  return #children, settle_closing(id), closing
end

-- Cancels the live descendants of an ended task, the nearest first; whether something is left to `tick`.
local function close_below(id)
  local queue, at = { id }, 1
  while queue[at] do
    if ending.left <= 0 then return true end
    local done, all, closing = close_children(queue[at], ending.left)
    ending.left = ending.left - done
    for _, child in ipairs(closing) do queue[#queue + 1] = child end
    if all then at = at + 1 end
  end
  return false
end

-- Ends a task and cancels below it what the call may; whether something is left to `tick`.
local function end_and_close(t, finish, also)
  if not end_task(t, finish, also) then return false end
  return close_below(t.id)
end
