--- Databases of earlier formats, each made by the program of its time (spec/fixtures/make.lua): this
-- one opens them, goes on where they were, and nothing that waited is lost.

local helpers = require "spec.support.helpers"

local same, says = helpers.same, helpers.says

local FORMATS <const> = { 2 }

after_each(helpers.clean)

local MENDED <const> = [[
return function()
  return Far("Brittle", { mend = function() return "mended" end })
end
]]

for _, format in ipairs(FORMATS) do
  describe(("a database of format %d"):format(format), function()
    local path, now, orders, k

    local function open()
      k = helpers.open(path, {
        clock = function() return now end,
        services = { press = { print = function(effect, what)
          orders[#orders + 1] = effect.id
          return what .. ", printed"
        end } },
      })
    end

    before_each(function()
      path = helpers.folder() .. "/old.db"
      helpers.write(path, helpers.read(("spec/fixtures/format%d.db"):format(format)))
      now, orders = 1700000000, {}
      open()
    end)

    it("opens, and is whole", function()
      same(k:audit(), {}, "what the audit says")
      local states = {}
      for _, vat in ipairs(k:vats()) do
        states[vat.name] = vat.state
      end
      same(states, { bank = "running", waiter = "running", frozen = "suspended", brittle = "failed" })
    end)

    it("goes on with heaps, durable rows and instances", function()
      same(k:call("bank", "count"), 11, "a variable of the heap")
      local ann = k:call("bank", "account", "ann")
      same(k:call(ann, "deposit", 1), 71, "an instance's field")
      same(#k:vatstore "bank", 1, "keys of the vatstore")
    end)

    it("settles what was awaited and watched", function()
      k:run()
      k:call("bank", "keep", "later", 30)
      k:run()
      same(k:call("waiter", "seen", "later"), 30, "an await across the restart")
      same(k:call(k:call("bank", "account", "ann"), "deposit", 0), 100, "a watch")
    end)

    it("wakes who sleeps, when it is time", function()
      k:run()
      same(k:call("waiter", "seen", "sleep"), nil, "before")
      now = now + 3601
      k:run()
      same(k:call("waiter", "seen", "sleep"), "woke", "after")
    end)

    it("shows a service the call that was under way, with its id", function()
      k:run()
      same(orders, { "22-1" }, "effect ids")
    end)

    it("delivers what was parked with a suspended vat", function()
      k:resume_vat "frozen"
      k:run()
      same(k:call("frozen", "count"), 4, "one before, two parked, and this")
    end)

    it("says why a vat failed, and goes on with it after an upgrade", function()
      says(helpers.row(k:vats(), "name", "brittle").fault, "broken on purpose")
      local source = helpers.folder() .. "/brittle.lua"
      helpers.write(source, MENDED)
      k:upgrade_vat("brittle", { source = source })
      k:run()
      same(k:call("brittle", "mend"), "mended", "its next answer")
      same(k:audit(), {}, "what the audit says")
    end)

    it("is of today's format from then on", function()
      k:close()
      open()
      same(k:call("bank", "count"), 11, "the count")
    end)
  end)
end
