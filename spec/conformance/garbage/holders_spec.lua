--- Garbage across vats: each holder alone keeps an object, and lets it go.

local helpers = require "spec.support.helpers"
local play = require "spec.support.play"
local shared = require "spec.conformance.garbage.shared"

local MAKER, KEEPER, row, collect = shared.MAKER, shared.KEEPER, shared.row, shared.collect
local make, counts, HOLDERS = shared.make, shared.counts, shared.HOLDERS
local same = helpers.same

describe("garbage: an object held only by", function()
  after_each(helpers.clean)

  local names = {}
  for name in pairs(HOLDERS) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    it(name .. " lives just as long", function()
      local k = helpers.kernel { vats = { maker = MAKER, keeper = KEEPER, second = MAKER } }
      local kref, ref = make(k, "held")
      local let_go = HOLDERS[name](k, ref)
      ref = nil -- luacheck: ignore
      for _ = 1, 3 do
        collect(k)
        assert(row(k, kref), name .. " did not hold " .. kref)
      end
      if helpers.vat(k, "maker").state == "running" then
        same(helpers.call(k, kref, "name"), "held", "it answers")
      end
      let_go()
      helpers.settle(k)
      collect(k)
      same(row(k, kref), nil, "its row, when nobody holds it; held by "
        .. helpers.show(row(k, kref) and k:holders(kref) or {}))
    end)
  end

  it("a message to oneself lives until it is delivered", function()
    local k = play.kernel { "selfish" }
    local result = k:send("ko1", "go", {})
    k:crank { syscalls = { { send = "o+7", method = "touch", args = { "o+8 Argument" } } } }
    k:release(result)
    local krefs = k:sql "SELECT 'ko' || id FROM object WHERE id > 1 ORDER BY id"
    for i, kref in ipairs { krefs[1][1], krefs[2][1] } do
      same(counts(k, kref), "1 1", "while it is queued, " .. i)
    end
    same(play.lines(k:drain()), { "v1 touch (@o+8)", "v1 drop_exports o+7 o+8",
      "v1 retire_exports o+7 o+8" }, "deliveries")
    same(k:value "SELECT count(*) FROM object", 1, "objects: the root")
    play.clean()
  end)

  it("a queued message lives until that is delivered, over restarts", function()
    local k = helpers.kernel { db = true, vats = { maker = MAKER, keeper = KEEPER } }
    local kref, ref = make(k, "queued")
    k:send("keeper", "same", "nothing", ref):release()
    ref = nil -- luacheck: ignore
    collectgarbage()
    k = helpers.reopen(k)
    helpers.audit(k, "after opening")
    same(row(k, kref).reachable, 1, "the message holds it")
    collect(k)
    same(row(k, kref), nil, "its row when the message was delivered and its argument dropped")
  end)

  it("a vat's table lives over restarts of the vat", function()
    local k = helpers.kernel { db = true, vats = { maker = MAKER, keeper = KEEPER } }
    local kref, ref = make(k, "held")
    helpers.call(k, "keeper", "hold", "x", ref)
    ref = nil -- luacheck: ignore
    collectgarbage()
    for _ = 1, 3 do
      k = helpers.reopen(k)
      collect(k)
      same(helpers.call(k, "keeper", "use", "x"), "held", "it answers")
    end
    helpers.call(k, "keeper", "let_go", "x")
    k = helpers.reopen(k)
    collect(k)
    same(row(k, kref), nil, "its row when it was dropped before a restart")
  end)
end)
