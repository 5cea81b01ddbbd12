--- The commands that send a message: call and send.

local inspect = require "moonvat.program.inspect"
local literal = require "moonvat.literal"
local shared = require "moonvat.program.shared"

local M = {}

local function read_values(k, arguments, from)
  local values = { n = #arguments - from + 1 }
  for i = 1, values.n do
    local missing
    local ok, value = literal.parse(arguments[from + i - 1], function(kref)
      local found, reference = pcall(k.ref, k, kref)
      missing = missing or not found and reference
      return found and reference or nil
    end)
    if missing then
      error(missing, 0)
    elseif not ok then
      local text = arguments[from + i - 1]
      shared.fail(shared.USAGE, "argument %d, %s: %s", i, literal.shown(text), text:find "^%-%-%a"
        and "no option, for what follows METHOD is a value, and no value either" or value)
    end
    values[i] = value
  end
  return values
end

local function send_from(k, arguments)
  local values = read_values(k, arguments, 4)
  local target = arguments[2]:gsub("^@", "")
  return k:send(target, arguments[3], table.unpack(values, 1, values.n))
end

function M.call(world, arguments)
  local k <close> = shared.open(world, arguments[1], {})
  local handle = send_from(k, arguments)
  local values = table.pack(k:settle(handle))
  if values[1] == "unresolved" then
    shared.fail(shared.FAILED, "%s is still unresolved, and there is nothing left to run",
      handle.kref)
  end
  local status = shared.DONE
  if values[1] == "rejected" then
    world.complain(literal.reason(values[2]))
    status = shared.FAILED
  else
    for i = 2, values.n do
      world.out(literal.show(values[i]) .. "\n")
    end
  end
  handle:release()
  if k:run { cranks = shared.AFTERWARDS_MAX } >= shared.AFTERWARDS_MAX then
    world.say("the call is done; %s left in the queue", shared.plural(inspect.left(k), "item"))
  end
  return status
end

function M.send(world, arguments)
  local k <close> = shared.open(world, arguments[1], {})
  local handle = send_from(k, arguments)
  k:pin(handle.kref)
  k:commit()
  world.out(handle.kref .. "\n")
end

return M
