--- A transcript that was altered by hand: one vat fails, and says how.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.restart.shared"

local COUNTER = shared.COUNTER
local same = helpers.same

describe("restart: a transcript altered by hand", function()
  after_each(helpers.clean)

  it("stops that vat alone, with recorded and got side by side", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        altered = [[
          return function(vat)
            local count = 0
            return Far("Altered", {
              tell = function(self, other)
                count = count + 1
                E.send_only(other):hear("mark" .. "er-AAAA")
              end,
              count = function() return count end,
            })
          end
        ]],
        -- without a transcript of its own, so that the text stands in one transcript only
        other = {
          source = [[
            return function()
              return Far("Other", { hear = function(self, text) print(text) end })
            end
          ]],
          options = { transcript = false },
        },
        witness = COUNTER,
      },
    }
    helpers.call(k, "altered", "tell", k:root "other")
    helpers.call(k, "witness", "up")
    helpers.settle(k)
    local db = helpers.db(k)
    helpers.close(k)
    local text, found = helpers.read(db):gsub("marker%-AAAA", "marker-BBBB")
    assert(found > 0, "the transcript does not hold the text that was sent")
    helpers.write(db, text)
    local again, logs = helpers.open(db)
    local handle = helpers.send(again, "altered", "count")
    helpers.run(again)
    assert(handle:status() ~= "fulfilled", "it answered, from a heap that differs")
    local row = helpers.vat(again, "altered")
    same(row.state, "failed", "its state")
    helpers.says(row.fault, { "marker-AAAA", "marker-BBBB", "recorded", "got" }, "its fault")
    helpers.says(helpers.show(logs.all), { "marker-AAAA", "marker-BBBB" }, "the log")
    same({ helpers.call(again, "witness", "up") }, { 2, 2, "2", 0 }, "another vat, replayed")
    same(logs.other, {}, "what replay sends is not sent again")
  end)

  it("a vat whose bundle was altered fails, and another vat is not in the way", function()
    local k = helpers.kernel { db = true, vats = { altered = COUNTER .. "-- marker-CCCC\n", witness = COUNTER } }
    helpers.call(k, "altered", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local text, found = helpers.read(db):gsub("marker%-CCCC", "marker-DDDD")
    assert(found > 0, "the bundle does not hold the source")
    helpers.write(db, text)
    local again = helpers.open(db)
    local handle = helpers.send(again, "altered", "up")
    helpers.run(again)
    assert(handle:status() ~= "fulfilled", "it answered")
    helpers.says(helpers.vat(again, "altered").fault, { "its bundle ", " is damaged" }, "its fault")
    same((helpers.call(again, "witness", "up")), 1, "another vat")
  end)

  it("a vat whose row is gone does no harm when cycles of objects are looked for", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        owner = { source = [[
          return function()
            return Far("Owner", { give = function(self, other) E(other):keep(Far("Given", {})) end })
          end
        ]] },
        keeper = { source = [[
          return function()
            local kept
            return Far("Keeper", { keep = function(self, x) kept = x end })
          end
        ]] },
      },
    }
    helpers.call(k, "owner", "give", k:root "keeper")
    helpers.settle(k)
    local db = helpers.db(k)
    helpers.close(k)
    helpers.command(("sqlite3 %s \"DELETE FROM vat WHERE name = 'keeper'\""):format(db))
    local again = helpers.open(db)
    again:collect_garbage { cycles = true }
    assert(#again:audit() > 0, "the audit does not tell")
  end)
end)
