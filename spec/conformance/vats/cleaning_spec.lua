--- Vats' lives: what is cleaned up after them, in parts.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.vats.shared"

local KID, KID2, BROKEN, source = shared.KID, shared.KID2, shared.BROKEN, shared.source
local same = helpers.same

describe("vats: cleaning up", function()
  after_each(helpers.clean)

  local ROWS <const> = 20000

  local function full(settings)
    local k, logs = helpers.kernel {
      db = settings.db,
      open = { commit_every = 50 },
      vats = {
        full = {
          source = [[
            return function(vat)
              return Far("Full", {
                fill = function(self, from, to)
                  for i = from, to do vat.vatstore["key" .. i] = "value" end
                end,
              })
            end
          ]],
          options = { time_limit = 10 },
        },
        other = KID,
      },
    }
    for from = 1, ROWS, 10000 do
      k:call("full", "fill", from, from + 9999)
    end
    same(#k:vatstore "full", ROWS, "rows before")
    return k, logs
  end

  it("20,000 rows go in parts, with others' messages between, over restarts", function()
    local k = full { db = true }
    k:call("full", "fill", 1, 1)
    local id = helpers.vat(k, "full").id
    k:terminate_vat("full", "too large")
    helpers.audit(k)
    local handles, parts, answered_between = {}, 0, 0
    for i = 1, 30 do
      handles[i] = helpers.send(k, "other", "ping")
    end
    local left, steps = ROWS, 0
    repeat
      local went = k:step()
      steps = steps + 1
      if steps == 20 then
        handles = {}
        k = helpers.reopen(k, { commit_every = 50 })
        helpers.audit(k, "reopened in the middle")
      end
      local now = helpers.row(k:vats(), "id", id) and #k:vatstore(id) or 0
      assert(left - now <= 1000, left - now .. " rows went in one crank")
      parts = parts + (now < left and 1 or 0)
      left = now
      for _, handle in ipairs(handles) do
        if left > 0 and handle:status() == "fulfilled" then
          answered_between = answered_between + 1
          handle:release()
          handles = {}
          break
        end
      end
    until not went
    assert(parts >= ROWS / 1000, parts .. " parts")
    same(answered_between, 1, "others' messages were answered between the parts")
    helpers.audit(k, "at the end")
    same(left, 0, "rows after")
    same(helpers.vat(k, "full"), nil, "its record")
    same(k:call("other", "ping"), "pong", "the other vat")
    local db = helpers.db(k)
    helpers.close(k)
    for _, count in ipairs { "vatstore", "transcript WHERE vat = 1", "clist WHERE vat = 1" } do
      same(helpers.command(("sqlite3 %s 'SELECT count(*) FROM %s'"):format(db, count)), "0\n", count)
    end
  end)

  it("bundles go when nothing needs them", function()
    local k = helpers.kernel { launch = false }
    local function names()
      k:commit()
      return helpers.column(k:bundles(), "name")
    end
    k:create_vat { name = "ann", source = source(KID) }
    k:create_vat { name = "bob", source = source(KID) }
    same(#names(), 1, "the same source twice is one bundle")
    local upgrade = k:upgrade_vat("ann", { source = source(KID2) })
    same(#names(), 2, "while the upgrade waits")
    helpers.run(k)
    upgrade:release()
    same(#names(), 2, "one for each vat")
    k:terminate_vat "bob"
    helpers.run(k)
    same(#names(), 1, "bob's has gone")
    local failed = k:upgrade_vat("ann", { source = source(BROKEN) })
    helpers.run(k)
    same(failed:status(), "rejected", "a failed upgrade")
    failed:release()
    same(#names(), 1, "its bundle has gone")
    helpers.raises("a vat that does not start", k.create_vat, k,
      { name = "x", source = source(BROKEN) })
    same(#names(), 1, "nor does a vat that does not start leave one")
    k:install_bundle("kid", source(KID))
    k:install_bundle("kid", source(BROKEN))
    same(#names(), 2, "a named one stays, and its name may go to another")
    k:terminate_vat "ann"
    helpers.run(k)
    same(#names(), 1, "the named one is left")
  end)
end)
