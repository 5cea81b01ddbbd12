--- Hostile vats in a kernel, beside others: nobody else is harmed, and nothing of them stays.

local helpers = require "spec.support.helpers"

local same = helpers.same

describe("hostile vats: what one sends to another", function()
  after_each(helpers.clean)

  -- Every value is small where it is made, and large where it is read.
  local BAD = [[
    return function()
      local function repeated(value, count)
        local list = {}
        for i = 1, count do list[i] = value end
        return list
      end
      local bombs = {
        tables = function() return repeated(repeated(repeated({}, 1000), 1000), 2) end,
        text = function() return ("x"):rep(15 << 20) end,
        references = function()
          local list = {}
          for i = 1, 10000 do list[i] = Far("Thing", {}) end
          return list
        end,
        promises = function()
          local list = {}
          for i = 1, 20 do list[i] = promise.resolve(repeated({}, 20000)) end
          return list
        end,
        rejection = function() error(repeated(repeated({}, 1000), 100)) end,
      }
      return Far("Bad", {
        bomb = function(self, name) return bombs[name]() end,
        throw = function(self, victim, name) return E(victim):take(bombs[name]()) end,
      })
    end
  ]]
  local VICTIM = [[
    return function()
      local count = 0
      return Far("Victim", {
        ask = function(self, bad, name)
          local ok, reason = pcall(await, E(bad):bomb(name))
          count = count + 1
          return ok, reason.name, reason.message
        end,
        forget = function(self, bad, name) E(bad):bomb(name) end,
        take = function() count = count + 1 end,
        ping = function() return count end,
      })
    end
  ]]

  local function kernel(options)
    return helpers.kernel {
      vats = {
        bad = { source = BAD, options = { memory_limit = 1 << 28, time_limit = 20 } },
        victim = { source = VICTIM, options = options },
      },
    }
  end

  for name in pairs { tables = 1, text = 1, references = 1, promises = 1, rejection = 1 } do
    it(name .. " that are too much to read reject the await, and suspend nobody", function()
      local k = kernel { memory_limit = 1 << 20, time_limit = 20 }
      same({ helpers.call(k, "victim", "ask", k:root "bad", name) },
        { false, "BudgetExceeded", "delivery exceeded its memory limit" }, "the await")
      helpers.call(k, "victim", "forget", k:root "bad", name)
      same(helpers.vat(k, "victim").state, "running", "the victim's state")
      same(helpers.call(k, "victim", "ping"), 1, "the next delivery")
      local handle = helpers.send(k, "bad", "throw", k:root "victim", name)
      helpers.run(k)
      if name == "tables" or name == "text" or name == "references" then
        same({ handle:reason().name, handle:reason().message },
          { "BudgetExceeded", "delivery exceeded its memory limit" }, "the message")
      end
      same(helpers.vat(k, "victim").state, "running", "the victim's state at last")
      helpers.settle(k)
      k:collect_garbage()
      helpers.audit(k)
      same(#k:promises(), 0, "promises left")
    end)
  end

  it("the await says which limit it was", function()
    local k = helpers.kernel {
      vats = {
        bob = "return function() return Far('Bob', { answer = function() end }) end",
        main = {
          source = [[
            return function()
              local function eat(t) while true do t[#t + 1] = {} end end
              return Far("Main", {
                go = function(self, bob)
                  local _, reason = pcall(await, E(bob):answer():next(function() eat {} end))
                  return reason.message
                end,
              })
            end
          ]],
          options = { memory_limit = 1 << 20, time_limit = 20 },
        },
      },
    }
    same(helpers.call(k, "main", "go", k:root "bob"), "delivery exceeded its memory limit")
  end)

  it("what takes too long to read does no more harm", function()
    local k = kernel { time_limit = 0.02, memory_limit = 1 << 28 }
    same({ helpers.call(k, "victim", "ask", k:root "bad", "tables") },
      { false, "BudgetExceeded", "delivery exceeded its time limit" }, "the await")
    same(helpers.call(k, "victim", "ping"), 1, "the next delivery")
    helpers.settle(k)
  end)
end)

describe("hostile vats: what another vat does", function()
  after_each(helpers.clean)

  local QUIET = [[
    return function(vat)
      local kept = {}
      return Far("Quiet", {
        step = function(self, n)
          kept[n], kept[{}] = { n }, n
          vat.vatstore["key" .. n] = tostring(n)
          vat.baggage[n] = { n, self }
          local sum = 0
          for _, value in pairs(kept) do sum = sum * 31 + (type(value) == "table" and 1 or value) end
          print(n, sum, math.random(1000000), tostring(kept))
          return Far("Step", {}), sum
        end,
      })
    end
  ]]
  local NOISY = [[
    return function(vat)
      return Far("Noisy", {
        nothing = function() end,
        work = function(self, n)
          for i = 1, 20 * n do
            vat.vatstore["key" .. i] = ("noise"):rep(n)
            E.send_only(self):nothing(Far("Thing", {}), i)
            math.random()
          end
          print(n)
          return promise.resolve(Far("Result", {}))
        end,
        loop = function() while true do end end,
        eat = function() local t = {} while true do t[#t + 1] = {} end end,
        fail = function() error "noise" end,
      })
    end
  ]]

  --- What the quiet vat comes to while the other does this.
  local function history(noise)
    local k, logs = helpers.kernel {
      vats = {
        a_quiet = QUIET,
        b_noisy = { source = NOISY, options = { time_limit = 0.02, memory_limit = 4 << 20 } },
      },
    }
    for n = 1, 12 do
      noise(k, n)
      helpers.send(k, "a_quiet", "step", n)
      helpers.run(k)
    end
    local vrefs = helpers.column(k:clist "a_quiet", "vref")
    return { logs.a_quiet, k:vatstore "a_quiet", vrefs, k:heap_hash "a_quiet" }
  end

  it("is nothing to a vat: heap, tables, log and references are the same", function()
    local alone = history(function() end)
    same(#alone[1], 12, "lines of the log")
    helpers.clean()
    local beside = history(function(k, n)
      for _, method in ipairs { "work", "fail", n % 3 == 0 and "loop" or "eat" } do
        helpers.send(k, "b_noisy", method, n)
      end
    end)
    same(beside, alone)
    helpers.clean()
    same(history(function(k, n)
      if n == 6 then
        helpers.send(k, "b_noisy", "work", 3)
        k:terminate_vat("b_noisy", "noise")
      end
    end), alone, "when the other ends")
  end)

  it("is told apart when it is something", function()
    local one = history(function() end)
    helpers.clean()
    local other = history(function(k, n)
      if n == 3 then helpers.send(k, "a_quiet", "step", 99) end
    end)
    assert(helpers.show(one) ~= helpers.show(other) and one[4] ~= other[4])
  end)
end)
