--- What becomes of a vat whose delivery failed is its policy's to say.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.faults.shared"

local WITNESS = shared.WITNESS
local same = helpers.same

local TIME = { "BudgetExceeded", "delivery exceeded its time limit" }

describe("faults: policies", function()
  after_each(helpers.clean)

  local BOB = [[
    return function()
      return Far("Bob", { answer = function() return "answer" end })
    end
  ]]

  local function notified(body, options)
    options = options or {}
    options.time_limit = 0.03
    return helpers.kernel {
      vats = {
        bob = BOB,
        witness = WITNESS,
        main = {
          source = ([[
            return function(vat)
              local kept = 0
              return Far("Main", {
                ping = function() return kept end,
                go = function(self, bob)
                  %s
                end,
              })
            end
          ]]):format(body),
          options = options,
        },
      },
    }
  end

  it("a notify comes again in a form that raises at the await", function()
    local k, logs = notified [[
      local ok, e = pcall(await, E(bob):answer())
      if ok then
        kept = 1
        while true do end
      end
      print(e.name .. ": " .. e.message)
      return "went on", kept
    ]]
    same({ helpers.call(k, "main", "go", k:root "bob") }, { "went on", 0 }, "after the await")
    same(logs.main, { "BudgetExceeded: delivery exceeded its time limit" }, "main's log")
    same(helpers.vat(k, "main").state, "running", "main's state")
    helpers.settle(k)
  end)

  it("a method that does not catch it is rejected with it", function()
    local k = notified [[
      await(E(bob):answer())
      while true do end
    ]]
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, TIME, "the reason")
    same(helpers.call(k, "main", "ping"), 0, "the next delivery")
    helpers.settle(k)
  end)

  it("a callback that runs too long is answered by a rejection of its promise", function()
    local k, logs = notified [[
      local p = E(bob):answer()
      return p:next(function()
        kept = 1
        while true do end
      end)
    ]]
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, TIME, "the reason")
    same(helpers.call(k, "main", "ping"), 0, "the next delivery")
    same(helpers.vat(k, "main").state, "running", "main's state")
    same(logs.main, {}, "main's log")
    helpers.settle(k)
  end)

  it("a second fault of a notify suspends the vat, and no other", function()
    local k = notified [[
      pcall(await, E(bob):answer())
      while true do end
    ]]
    local handle = helpers.send(k, "main", "go", k:root "bob")
    helpers.run(k)
    same(helpers.vat(k, "main").state, "suspended", "main's state")
    helpers.says(helpers.vat(k, "main").fault, "time limit", "its fault says why")
    same(handle:status(), "unresolved", "its result waits")
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
    local parked = helpers.send(k, "main", "ping")
    helpers.run(k)
    same(parked:status(), "unresolved", "messages wait for it")
  end)

  it("on_fault suspend: the vat waits, the others go on", function()
    local k = notified("while true do end", { on_fault = "suspend" })
    helpers.send(k, "main", "go", k:root "bob")
    helpers.run(k)
    same(helpers.vat(k, "main").state, "suspended", "main's state")
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
  end)

  it("on_fault terminate: the vat is gone, its message rejected", function()
    local k = notified("while true do end", { on_fault = "terminate" })
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, { "VatTerminated", "vat terminated" }, "the reason")
    helpers.run(k)
    local row = helpers.vat(k, "main")
    assert(not row or row.state == "terminated", "main is " .. helpers.show(row))
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
    helpers.settle(k)
  end)

  it("a build function that runs too long or takes too much fails the launch", function()
    local k = helpers.kernel { launch = false }
    for limit, source in pairs {
      ["time limit"] = "return function() while true do end end",
      ["memory limit"] = "return function() local t = {} while true do t[#t + 1] = {} end end",
    } do
      local config, folder = helpers.config {
        vats = {
          good = WITNESS,
          main = { source = source, options = { time_limit = 0.2, memory_limit = 1 << 22 } },
        },
      }
      local message = helpers.raises("launch", k.launch, k, config, folder)
      helpers.says(message, { "main", limit })
      same(k:vats(), {}, "vats left behind")
      helpers.audit(k)
    end
  end)

  it("what was printed in an undone delivery is shown as undone", function()
    local k, logs = helpers.kernel {
      vats = {
        main = {
          source = [[
            return function()
              return Far("Main", {
                go = function() print "before the loop"; while true do end end,
              })
            end
          ]],
          options = { time_limit = 0.03 },
        },
      },
    }
    helpers.reason(k, "main", "go")
    same(logs.main, {}, "printed for good")
    same(helpers.level(logs, "undone"), { "main: before the loop" }, "undone lines")
    same(#helpers.level(logs, "fault"), 1, "one fault line")
  end)
end)
