--- Chunks of code run in a vat, for the specs of what a vat's Lua has.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local RUNNER = [[
  return function()
    return Far("Runner", {
      run = function(self, text, ...) return assert(load(text, "=script"))(...) end,
    })
  end
]]

local vats = {}

local function open(options)
  options = options or {}
  options.main = RUNNER
  local v = test.vat(options)
  vats[#vats + 1] = v
  helpers.same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

--- Runs the script in the vat: its results as a list, or nil and the reason.
local function try(v, text, ...)
  local outcome = v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = "run", args = { text, ... },
  }
  v:keep()
  if outcome.fault then
    return nil, outcome.fault
  end
  local settled = outcome.syscalls[#outcome.syscalls][1]
  if settled.state == "rejected" then
    return nil, settled.values[1]
  end
  return settled.values
end

local function run(v, text, ...)
  local values, reason = try(v, text, ...)
  if not values then
    error(tostring(reason.message or reason), 2)
  end
  return table.unpack(values, 1, values.n)
end

--- The message of what the script raises, without its place.
local function message(v, text, ...)
  local values, reason = try(v, text, ...)
  assert(not values, "it should have raised")
  return (reason.message:gsub("^script:%d+: ", ""))
end

local function close_all()
  for _, v in ipairs(vats) do
    v:close()
  end
  vats = {}
end

return { open = open, try = try, run = run, message = message, close_all = close_all }
