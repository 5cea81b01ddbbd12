--- Stopping and going on: the Lua heap is there again, or begins anew without a transcript.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.restart.shared"

local COUNTER = shared.COUNTER
local same = helpers.same

describe("restart: the Lua heap", function()
  after_each(helpers.clean)

  it("closures, coroutines, awaits and callbacks are alive again", function()
    local k, logs = helpers.kernel {
      db = true,
      vats = {
        main = [[
          return function(vat)
            local count = 0
            local co = coroutine.create(function(a)
              while true do a = coroutine.yield(a * 2) end
            end)
            local p, resolve = promise()
            local list = setmetatable({}, { __index = function(_, key) return key .. "!" end })
            return Far("Main", {
              up = function() count = count + 1; return count end,
              double = function(self, n) return select(2, coroutine.resume(co, n)) end,
              wait = function()
                local before = count
                local value = await(p)
                return before, value, count
              end,
              attach = function()
                p:next(function(v) print("callback " .. v .. " " .. count) end)
              end,
              nested = function()
                local inner = coroutine.wrap(function() return "inner " .. await(p) end)
                return inner()
              end,
              release = function(self, v) resolve(v) end,
              list = function(self, key) list.x = list.x; return list[key], list.x end,
              random = function() return math.random(1000000) end,
            })
          end
        ]],
      },
    }
    local waiting = k:send("main", "wait")
    local nested = k:send("main", "nested")
    helpers.run(k)
    same(helpers.call(k, "main", "up"), 1, "the upvalue")
    same(helpers.call(k, "main", "double", 4), 8, "the coroutine")
    helpers.call(k, "main", "attach")
    helpers.call(k, "main", "list", "a")
    local kref, nested_kref = waiting.kref, nested.kref
    k:launch(helpers.config {
      vats = {
        keeper = [[
          return function(vat)
            return Far("Keeper", {
              keep = function(self, p, q)
                p[1]:next(function(...) print(...) end)
                q[1]:next(function(...) print(...) end)
              end,
            })
          end
        ]],
      },
    })
    helpers.call(k, "keeper", "keep", { k:promise(kref) }, { k:promise(nested_kref) })
    same(logs.main, {}, "main's log before")
    local first = helpers.call(k, "main", "random")
    for i = 2, 4 do
      k, logs = helpers.reopen(k)
      helpers.audit(k)
      same(helpers.call(k, "main", "up"), i, "the upvalue after a restart")
      same(helpers.call(k, "main", "double", i), 2 * i, "the coroutine after a restart")
      same({ helpers.call(k, "main", "list", "b") }, { "b!", "x!" }, "a metatable")
    end
    assert(helpers.call(k, "main", "random") ~= first, "the generator went on")
    helpers.call(k, "main", "release", "released")
    same(logs.main, { "callback released 4" }, "the callback")
    same(logs.keeper, { "0\treleased\t4", "inner released" }, "the awaits")
    helpers.settle(k)
  end)

  it("presences and remotables keep their identity", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        maker = [[
          return function()
            local made = {}
            return Far("Maker", {
              make = function() made[1] = Far("Thing", { id = function() return 7 end })
                return made[1]
              end,
              mine = function(self, x) return x == made[1] end,
            })
          end
        ]],
        main = [[
          return function()
            local held
            return Far("Main", {
              take = function(self, maker) held = await(E(maker):make()) end,
              same = function(self, x) return x == held end,
              give = function() return held end,
              use = function() return await(E(held):id()) end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "take", k:root "maker")
    for _ = 1, 3 do
      k = helpers.reopen(k)
      local held = helpers.call(k, "main", "give")
      same(helpers.call(k, "main", "same", held), true, "the presence")
      same(helpers.call(k, "maker", "mine", held), true, "the remotable")
      same(helpers.call(k, "main", "use"), 7, "a call")
      helpers.settle(k)
    end
  end)
end)

describe("restart: without a transcript", function()
  after_each(helpers.clean)

  it("a vat begins again from vatstore and baggage, as the next incarnation", function()
    local k = helpers.kernel {
      db = true,
      vats = { counter = { source = COUNTER, options = { transcript = false } } },
    }
    local root = tostring(k:root "counter")
    for incarnation = 0, 3 do
      local total = 2 * incarnation + 1
      same({ helpers.call(k, "counter", "up") }, { 1, total, tostring(total), incarnation },
        "first call of incarnation " .. incarnation)
      same({ helpers.call(k, "counter", "up") }, { 2, total + 1, tostring(total + 1), incarnation },
        "second call of incarnation " .. incarnation)
      helpers.settle(k)
      k = helpers.reopen(k)
      same(tostring(k:root "counter"), root, "the root's kref")
    end
  end)

  it("the promises that it decided are rejected VatUpgraded", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        counter = { source = COUNTER, options = { transcript = false } },
        main = [[
          return function()
            return Far("Main", {
              go = function(self, counter)
                E(counter):wait():catch(function(e)
                  print(e.name, e.message, e.incarnation)
                end)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "counter")
    local again, logs = helpers.reopen(k)
    helpers.run(again)
    same(logs.main, { "VatUpgraded\tvat upgraded\t0" }, "main's log")
    helpers.settle(again)
  end)
end)
