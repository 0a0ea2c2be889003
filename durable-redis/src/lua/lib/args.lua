-- Reads ARGV from the front. Absent values are empty strings: no name and no payload is one.

local args = { at = 0 }

-- The most bytes of payload in one answer; a single record may be larger.
local MAX_BYTES = 8 * 1024 * 1024

function args.text()
  args.at = args.at + 1
  return ARGV[args.at]
end

function args.option()
  local text = args.text()
  if text ~= '' then return text end
  return nil
end

-- A figure that the driver wrote. Nothing of a user's comes through here.
function args.int()
  return tonumber(args.text())
end

function args.option_int()
  local text = args.option()
  return text and tonumber(text)
end

function args.list(read)
  local items = {}
  for i = 1, args.int() do items[i] = read() end
  return items
end

-- A list without what it has already.
function args.set(read)
  local items, seen = {}, {}
  for _ = 1, args.int() do
    local item = read()
    if not seen[item] then items[#items + 1], seen[item] = item, true end
  end
  return items
end

function args.token()
  return { task = args.text(), call = args.text(), claim = args.int() }
end
