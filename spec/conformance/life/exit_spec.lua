--- A vat that ends itself, and what is left when it is gone.

local helpers = require "spec.support.helpers"

local same = helpers.same

describe("life: a vat that ends itself", function()
  after_each(helpers.clean)

  local MAIN = [[
    return function(vat)
      return Far("Main", {
        exit = function(self, other)
          E.send_only(other):note "sent before the exit"
          vat.vatstore.key = "x"
          vat.exit("value")
          E.send_only(other):note "sent after the exit, in the same crank"
          return "the result"
        end,
        fail = function(self, other)
          E.send_only(other):note "must not arrive"
          vat.exit_with_failure(Error { name = "Oops", message = "giving up" })
          return "the result"
        end,
        ping = function() return "pong" end,
      })
    end
  ]]
  local OTHER = [[
    return function()
      return Far("Other", { note = function(self, text) print(text) end })
    end
  ]]

  it("by vat.exit: the crank counts", function()
    local k, logs = helpers.kernel { vats = { main = MAIN, other = OTHER } }
    local handle = helpers.send(k, "main", "exit", k:root "other")
    local later = helpers.send(k, "main", "ping")
    helpers.run(k)
    same(logs.other, { "sent before the exit", "sent after the exit, in the same crank" },
      "other's log")
    same(handle:status(), "fulfilled", "what was settled in the crank")
    same(handle:values(), "the result", "its value")
    same(later:reason().name, "VatTerminated", "a message that came later")
    helpers.settle(k)
  end)

  it("by vat.exit_with_failure: the crank does not count", function()
    local k, logs = helpers.kernel { vats = { main = MAIN, other = OTHER } }
    local reason = helpers.reason(k, "main", "fail", k:root "other")
    same({ reason.name, reason.message }, { "VatTerminated", "vat terminated" }, "its message")
    same(logs.other, {}, "other's log")
    helpers.settle(k)
  end)

  it("a critical vat's end stops the kernel before the commit of that crank", function()
    local k = helpers.kernel {
      db = true,
      open = { commit_every = 1000 },
      vats = {
        main = { source = MAIN, options = { critical = true } },
        other = OTHER,
      },
    }
    helpers.run(k)
    k:send("other", "note", "before")
    k:send("main", "exit", k:root "other")
    k:send("other", "note", "after")
    helpers.says(helpers.raises("run", function()
      while k:step() do end -- luacheck: ignore
    end), { "main", "critical" })
    local db = helpers.db(k)
    helpers.close(k)
    local again, logs = helpers.open(db)
    same(helpers.vat(again, "main").state, "running", "main in the database")
    same(helpers.column(again:queue(), "method"), { "exit", "note" }, "the cranks before count")
    local reason = helpers.raises("run again", function()
      while again:step() do end -- luacheck: ignore
    end)
    helpers.says(reason, "if opening it again ends the same way, suspend the vat and upgrade it")
    same(logs.other, {}, "nothing happens twice")
    helpers.close(again)
    again, logs = helpers.open(db) -- as it says
    again:suspend_vat("main")
    local source = helpers.folder() .. "/other.lua"
    helpers.write(source, OTHER)
    local upgraded = again:upgrade_vat("main", { source = source })
    helpers.run(again)
    same(upgraded:status(), "fulfilled", "the upgrade")
    same(helpers.vat(again, "main").incarnation, 1)
    same(logs.other, { "after" }, "all goes on")
  end)
end)
