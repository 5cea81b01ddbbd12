--- Garbage across vats: what importers drop, roots, and what the dead owned.

local helpers = require "spec.support.helpers"
local play = require "spec.support.play"
local shared = require "spec.conformance.garbage.shared"

local MAKER, KEEPER, row, standing = shared.MAKER, shared.KEEPER, shared.row, shared.standing
local rest, collect, make, give = shared.rest, shared.collect, shared.make, shared.give
local counts = shared.counts
local same = helpers.same

describe("garbage: an import that its importers drop", function()
  after_each(helpers.clean)

  it("goes in order: drop_exports, retire_exports, no row", function()
    local k = helpers.kernel {
      vats = {
        maker = { source = MAKER, options = { reap_interval = 0 } },
        keeper = { source = KEEPER, options = { reap_interval = 1 } },
      },
    }
    local kref, ref = make(k)
    helpers.call(k, "keeper", "hold", "x", ref)
    ref = nil -- luacheck: ignore
    rest(k)
    same(standing(k, kref, "maker"), "1 1 reachable", "the keeper holds it")
    k:send("keeper", "let_go", "x"):release()
    local seen = {}
    repeat
      local now = standing(k, kref, "maker")
      if seen[#seen] ~= now then
        seen[#seen + 1] = now
      end
      local more = k:step()
      helpers.audit(k)
    until not more
    same(seen, { "1 1 reachable", "0 0 reachable", "0 0 dropped", "gone" }, "its way out")
    same(helpers.row(k:clist "keeper", "kref", kref), nil, "the keeper's entry")
  end)

  for importers = 2, 3 do
    it("stays for the others, of " .. importers, function()
      local vats = { maker = MAKER }
      for i = 1, importers do
        vats["keeper" .. i] = KEEPER
      end
      local k = helpers.kernel { vats = vats }
      local kref, ref = make(k, "shared")
      for i = 1, importers do
        helpers.call(k, "keeper" .. i, "hold", "x", ref)
      end
      ref = nil -- luacheck: ignore
      rest(k)
      for i = 1, importers do
        same(standing(k, kref, "maker"), ("%d %d reachable"):format(importers - i + 1,
          importers - i + 1), "before keeper" .. i .. " drops it")
        helpers.call(k, "keeper" .. i, "let_go", "x")
        collect(k)
        for other = i + 1, importers do
          same(helpers.call(k, "keeper" .. other, "use", "x"), "shared", "the others use it")
        end
        rest(k)
      end
      same(row(k, kref), nil, "its row, when the last has dropped it")
      same(helpers.vat(k, "maker").state, "running", "the exporter")
      helpers.settle(k)
    end)
  end
end)

describe("garbage: roots", function()
  after_each(helpers.clean)

  it("are never collected", function()
    for _, transcript in ipairs { true, false } do
      local options = { transcript = transcript, reap_interval = 1 }
      local k = helpers.kernel {
        db = true,
        vats = {
          maker = { source = MAKER, options = options },
          keeper = { source = KEEPER, options = options },
        },
      }
      for round = 1, 4 do
        do
          local root = k:root "maker"
          helpers.call(k, "keeper", "hold", "x", root)
          helpers.call(k, "keeper", "store", "x", root)
        end
        helpers.call(k, "keeper", "let_go", "x")
        helpers.call(k, "keeper", "unstore", "x")
        helpers.settle(k)
        collect(k)
        same(#k:objects(), 2, "objects: the roots alone, in round " .. round)
        same(standing(k, "ko1", helpers.row(k:objects(), "kref", "ko1").owner), "0 0 reachable",
          "a root that nobody holds")
        same(type(helpers.call(k, "maker", "make", "x")), "userdata", "the root answers")
        k = helpers.reopen(k)
        same(type(helpers.call(k, "maker", "make", "x")), "userdata", "and after a restart")
      end
      helpers.settle(k)
      helpers.clean()
    end
  end)
end)

describe("garbage: an object whose owner has ended", function()
  after_each(helpers.clean)
  after_each(play.clean)

  it("stays for its importers, who are told, and goes with the last", function()
    local k = helpers.kernel { vats = { maker = MAKER, one = KEEPER, two = KEEPER } }
    local kref, ref = make(k)
    helpers.call(k, "one", "hold", "x", ref)
    helpers.call(k, "two", "store", "x", ref)
    ref = nil -- luacheck: ignore
    helpers.settle(k)
    k:terminate_vat("maker", "enough")
    collect(k)
    same(standing(k, kref, "one"), "2 2 reachable", "two importers hold it")
    for vat, method in pairs { one = "use", two = "use_stored" } do
      same(helpers.reason(k, vat, method, "x").name, "VatTerminated", vat .. " calls it")
    end
    helpers.call(k, "one", "let_go", "x")
    helpers.settle(k)
    collect(k)
    same(row(k, kref).recognizable, 1, "one importer is left")
    helpers.call(k, "two", "unstore", "x")
    helpers.settle(k)
    collect(k)
    same(row(k, kref), nil, "its row")
    same(#k:objects(), 2, "objects: the two roots")
  end)

  it("is retired in those that can only recognize it", function()
    local k = play.kernel { "owner", "importer", "other" }
    local thing, dropped = give(k, 1, { "o+5 Thing" }, { 2, 3 })[1], {}
    for vat = 2, 3 do
      local result = k:send("ko" .. vat, "look", { thing })
      k:drain(function(delivery)
        if delivery.method == "look" then
          dropped[vat] = delivery.slots[1]
          return { syscalls = { { drop_imports = { dropped[vat] } } } }
        end
      end)
      k:release(result)
    end
    same(counts(k, thing), "0 2", "reachable and recognizable")
    k:terminate "v1"
    k:check "terminated"
    same(play.lines(k:drain()), { "v2 retire_imports " .. dropped[2],
      "v3 retire_imports " .. dropped[3] }, "what the importers are told")
    same(k:exists(thing), false, "the object exists")
  end)
end)
