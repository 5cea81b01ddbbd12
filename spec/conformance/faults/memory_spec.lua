--- Deliveries that take too much memory are undone whole.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.faults.shared"

local attack, provoke = shared.attack, shared.provoke
local MEMORY = { "BudgetExceeded", "delivery exceeded its memory limit" }

describe("faults: a delivery that takes too much memory is undone", function()
  after_each(helpers.clean)

  local OPTIONS = { memory_limit = 4 * 1024 * 1024, time_limit = 5 }

  local ATTACKS = {
    ["a growing table"] = "local t = {} while true do t[#t + 1] = {} end",
    ["a growing table in pcall"] = [[
      local t = {}
      while true do pcall(function() while true do t[#t + 1] = { 1 } end end) end
    ]],
    ["a growing table that the heap keeps"] = [[
      while true do heap.list[#heap.list + 1] = #heap.list end
    ]],
    ["a doubling concatenation"] = [[
      local s = "x"
      while true do s = s .. s end
    ]],
    ["a million coroutines"] = [[
      local t = {}
      for i = 1, 1000000 do t[i] = coroutine.create(print) end
    ]],
    ["a long string.rep"] = 'return #("x"):rep(100 * 1024 * 1024)',
    ["a large table.concat"] = [[
      local t = {}
      for i = 1, 100 do t[i] = ("x"):rep(100000) end
      return #table.concat(t)
    ]],
    ["coroutines in coroutines, in pcall"] = [[
      local t = {}
      pcall(function()
        while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield(("x"):rep(100)) end) end
      end)
      while true do t[#t + 1] = {} end
    ]],
    ["promises without end"] = "local t = {} while true do t[#t + 1] = promise() end",
  }

  for name, body in pairs(ATTACKS) do
    it(name, function()
      attack(body, OPTIONS, MEMORY)
    end)
  end

  local PROVOCATIONS = {
    ["string.rep to 2^60"] = 'return ("x"):rep(1 << 60)',
    ["deep recursion"] = "local function f() return 1 + f() end return f()",
    ["deep recursion through pcall"] = "local function f() pcall(f) error 'up' end f()",
    ["deep recursion through metamethods"] = [[
      local mt = {}
      mt.__index = function(t, key) return t[key .. "x"] end
      return setmetatable({}, mt).a
    ]],
    ["deep recursion through gsub"] = [[
      local function f() return (("x"):gsub("x", f)) end
      return f()
    ]],
    ["a huge string.format"] = 'return ("%99999999d"):format(1)',
    ["many formats"] = 'return (("%99s"):rep(1000000)):format("x")',
    ["table.unpack of a huge range"] = "return table.unpack({}, 1, 100000000)",
    ["table.concat of a huge range"] = 'return table.concat({}, "x", 1, 1 << 60)',
    ["a huge string.pack"] = 'return string.pack("!16 i16 s4", 1, ("x"):rep(1 << 25))',
    ["nested coroutines"] = [[
      local function f() return coroutine.wrap(f)() end
      return f()
    ]],
    ["nested brackets in source"] = [[
      assert(load(("("):rep(100000) .. "1" .. (")"):rep(100000)))
    ]],
  }

  for name, body in pairs(PROVOCATIONS) do
    it(name, function()
      provoke(body, { memory_limit = 4 * 1024 * 1024, time_limit = 0.3 })
    end)
  end
end)
