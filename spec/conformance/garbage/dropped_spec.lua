--- Garbage across vats: an object that was dropped, and is met again.

local helpers = require "spec.support.helpers"
local play = require "spec.support.play"
local shared = require "spec.conformance.garbage.shared"

local MAKER, KEEPER, row, collect = shared.MAKER, shared.KEEPER, shared.row, shared.collect
local make, give, counts = shared.make, shared.give, shared.counts
local same = helpers.same

describe("garbage: an object that was dropped", function()
  after_each(helpers.clean)

  it("and is met again is the same for its owner, and works", function()
    local k = helpers.kernel { vats = { maker = MAKER, keeper = KEEPER } }
    local krefs = {}
    for round = 1, 5 do
      local ref = helpers.call(k, "maker", round == 1 and "keep" or "again", "x")
      krefs[round] = tostring(ref)
      helpers.call(k, "keeper", "hold", "x", ref)
      same(helpers.call(k, "maker", "is", "x", ref), true, "sent home, in round " .. round)
      ref = nil -- luacheck: ignore
      helpers.settle(k)
      collect(k)
      same(helpers.call(k, "keeper", "use", "x"), "x", "used in round " .. round)
      if round % 2 == 1 then
        helpers.call(k, "keeper", "let_go", "x")
        helpers.settle(k)
        collect(k)
        same(row(k, krefs[round]), nil, "its row, when all dropped it")
      end
    end
    same(krefs[2] == krefs[1], false, "it got a new kref when it was exported again")
    same(krefs[2] == krefs[3], true, "and kept it while it was held")
  end)

  it("and comes back while its drop is on the way, is not lost", function()
    -- each number of cranks between the drop and the new export
    for cranks = 0, 8 do
      local k = helpers.kernel {
        vats = {
          maker = { source = MAKER, options = { reap_interval = 1 } },
          keeper = { source = KEEPER, options = { reap_interval = 1 } },
        },
      }
      local ref = helpers.call(k, "maker", "keep", "x")
      helpers.call(k, "keeper", "hold", "x", ref)
      ref = nil -- luacheck: ignore
      helpers.settle(k)
      k:send("keeper", "let_go", "x"):release()
      for _ = 1, cranks do
        k:step()
        helpers.audit(k)
      end
      ref = helpers.call(k, "maker", "again", "x")
      same(helpers.call(k, "maker", "is", "x", ref), true, "home after " .. cranks)
      helpers.call(k, "keeper", "hold", "x", ref)
      ref = nil -- luacheck: ignore
      helpers.settle(k)
      collect(k)
      same(helpers.call(k, "keeper", "use", "x"), "x", "used after " .. cranks)
      helpers.clean()
    end
  end)

  it("but not retired, and is met again, counts as it did", function()
    local k = play.kernel { "owner", "importer" }
    local thing = give(k, 1, { "o+5 Thing" }, { 2 })[1]
    k:hold(thing)
    local function look()
      local seen
      local result = k:send("ko2", "look", { thing })
      k:drain(function(delivery)
        if delivery.method == "look" then
          seen = delivery.slots[1]
          return { syscalls = { { drop_imports = { seen } } } }
        end
      end)
      k:release(result)
      return seen
    end
    local vref = look()
    for _ = 1, 3 do
      same(counts(k, thing), "1 2", "held by the host, and recognized")
      same(look(), vref, "its vref when it is met again")
    end
    k:release(thing)
    same(play.lines(k:drain()), { "v1 drop_exports o+5" }, "when the host lets go")
    same(counts(k, thing), "0 1", "recognized still")
    play.clean()
  end)

  it("by a vat that gets it again in the same crank's queue, stays", function()
    local k = helpers.kernel { vats = { maker = MAKER, keeper = KEEPER } }
    local kref, ref = make(k, "back")
    for _ = 1, 5 do
      k:send("keeper", "hold", "x", ref):release()
      k:send("keeper", "let_go", "x"):release()
    end
    k:send("keeper", "hold", "x", ref):release()
    ref = nil -- luacheck: ignore
    collect(k)
    same(helpers.call(k, "keeper", "use", "x"), "back", "it answers")
    same(row(k, kref).reachable, 1, "held once")
  end)
end)
