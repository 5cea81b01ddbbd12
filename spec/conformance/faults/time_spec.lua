--- Deliveries that run too long are undone whole: time, and the instruction budget.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.faults.shared"

local attack, provoke = shared.attack, shared.provoke
local same = helpers.same

local TIME = { "BudgetExceeded", "delivery exceeded its time limit" }
local INSTRUCTIONS = { "BudgetExceeded", "delivery exceeded its instruction budget" }

describe("faults: a delivery that takes too long is undone", function()
  after_each(helpers.clean)

  local ATTACKS = {
    ["an endless loop"] = "while true do end",
    ["an endless loop in pcall, again and again"] = [[
      while true do pcall(function() while true do end end) end
    ]],
    ["an endless loop in nested pcalls"] = [[
      local function deep(n)
        if n == 0 then while true do end end
        pcall(deep, n - 1)
        while true do end
      end
      deep(100)
    ]],
    ["an endless loop in coroutines inside pcall"] = [[
      local function spin() while true do coroutine.yield() end end
      while true do
        pcall(function()
          local co = coroutine.wrap(spin)
          for _ = 1, 1000 do co() end
          coroutine.wrap(function() while true do end end)()
        end)
      end
    ]],
    ["an endless loop in __index"] = [[
      local t = setmetatable({}, { __index = function() while true do end end })
      while true do pcall(function() return t.x end) end
    ]],
    ["endless loops in other metamethods"] = [[
      local mt = { __tostring = function() while true do end end }
      mt.__eq, mt.__lt, mt.__len, mt.__call = mt.__tostring, mt.__tostring, mt.__tostring,
        mt.__tostring
      pcall(tostring, setmetatable({}, mt))
      pcall(function() return #setmetatable({}, mt) end)
    ]],
    ["an endless loop in a sort comparator"] = [[
      pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
    ]],
    ["an endless loop in a gsub callback"] = [[
      pcall(string.gsub, "abc", ".", function() while true do end end)
    ]],
    ["an endless loop in an xpcall handler"] = [[
      xpcall(error, function() while true do end end)
    ]],
    ["endless tail calls"] = [[
      local function f() return f() end
      f()
    ]],
    ["an endless iterator"] = "for _ in function() return 1 end do end",
    ["callbacks that attach callbacks for ever"] = [[
      local function again() return promise.resolve():next(again) end
      await(again())
    ]],
    ["an endless loop in a callback"] = [[
      await(promise.resolve():next(function() while true do end end))
    ]],
    ["a pattern that backtracks"] = [[
      for _ = 1, 1e9 do
        pcall(string.find, ("a"):rep(200), ("a-"):rep(30) .. "b")
      end
    ]],
    ["long library calls in a loop"] = [[
      local text = ("x"):rep(100000)
      while true do pcall(string.rep, text, 3) end
    ]],
  }

  for name, body in pairs(ATTACKS) do
    it(name, function()
      attack(body, { time_limit = 0.03 }, TIME)
    end)
  end

  it("a __close handler cannot be made to loop: there is none", function()
    provoke([[
      local mt = {}
      local t = setmetatable({}, mt)
      mt.__close = function() while true do end end
      local x <close> = t
    ]], { time_limit = 0.5 })
    for _, name in ipairs { "__close", "__gc", "__mode", "__concat" } do
      helpers.says(provoke(("setmetatable({}, { %s = print })"):format(name)), name)
    end
  end)
end)

describe("faults: the instruction budget", function()
  after_each(helpers.clean)

  it("ends a loop, in pcall too", function()
    local options = { instruction_budget = 20000, time_limit = 5 }
    attack("while true do end", options, INSTRUCTIONS)
    attack("while true do pcall(function() while true do end end) end", options, INSTRUCTIONS)
    attack("coroutine.wrap(function() while true do end end)()", options, INSTRUCTIONS)
  end)

  it("ends the same work at the same place each time", function()
    local k = helpers.kernel {
      vats = {
        main = {
          source = [[
            return function()
              return Far("Main", {
                work = function(self, n)
                  local x = 0
                  for i = 1, n do x = x + i end
                  return x
                end,
              })
            end
          ]],
          options = { instruction_budget = 50000, time_limit = 5 },
        },
      },
    }
    local function works(n)
      local handle = helpers.send(k, "main", "work", n)
      helpers.run(k)
      return handle:status() == "fulfilled"
    end
    local low, high = 0, 100000
    assert(works(low) and not works(high))
    while high - low > 1 do
      local middle = (low + high) // 2
      if works(middle) then
        low = middle
      else
        high = middle
      end
    end
    for _ = 1, 5 do -- the limit is looked at every 100 instructions
      same({ works(low - 100), works(high + 100) }, { true, false }, "around " .. low)
    end
    helpers.settle(k)
  end)
end)
