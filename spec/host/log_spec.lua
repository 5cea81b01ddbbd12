--- The host's log: what vats print and what the host says of them, in order.

local helpers = require "spec.support.helpers"

local same = helpers.same

describe("the log", function()
  after_each(helpers.clean)

  it("has each vat's lines under its name, in the order of the deliveries", function()
    local k, logs = helpers.kernel { vats = {
      ann = { source = [[ return function()
        return Far("Ann", { say = function(self, ben, text) print(text, 1, true); E(ben):say(text) end })
      end ]] },
      ben = { source = [[ return function()
        return Far("Ben", { say = function(self, text) print("ben:", text) end })
      end ]] },
    } }
    k:send("ann", "say", k:root "ben", "one"):release()
    k:send("ann", "say", k:root "ben", "two"):release()
    helpers.run(k)
    same(logs.ann, { "one\t1\ttrue", "two\t1\ttrue" }, "ann's log")
    same(logs.ben, { "ben:\tone", "ben:\ttwo" }, "ben's log")
  end)

  it("marks what a vat printed in a delivery that was undone, and says why it was", function()
    local k, logs = helpers.kernel { vats = { ann = { source = [[ return function()
      return Far("Ann", { spin = function() print "before"; while true do end end })
    end ]], options = { time_limit = 0.02 } } } }
    k:send("ann", "spin"):release()
    helpers.run(k)
    local levels = {}
    for i, entry in ipairs(logs.all) do
      levels[i] = ("%s %s: %s"):format(entry.vat, entry.level, entry.text)
    end
    same(levels, { "ann undone: before", "ann fault: delivery exceeded its time limit" }, "the log")
  end)
end)
