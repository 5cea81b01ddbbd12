--- Garbage across vats: where the heap goes with the process, and what only baggage names.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.garbage.shared"

local MAKER, KEEPER, row, standing = shared.MAKER, shared.KEEPER, shared.row, shared.standing
local rest, collect, make, HOLDERS = shared.rest, shared.collect, shared.make, shared.HOLDERS
local same = helpers.same

describe("garbage: a vat without a transcript", function()
  after_each(helpers.clean)

  it("keeps what its baggage names, read or not, until the key is deleted", function()
    for _, reads in ipairs { true, false } do
      local k = helpers.kernel {
        db = true,
        vats = { maker = MAKER, keeper = { source = KEEPER, options = { transcript = false } } },
      }
      local kref, ref = make(k, "stored")
      local other, other_ref = make(k, "not stored")
      helpers.call(k, "keeper", "store", "x", ref)
      helpers.call(k, "keeper", "store", "y", ref)
      helpers.call(k, "keeper", "hold", "z", other_ref)
      ref, other_ref = nil, nil -- luacheck: ignore
      rest(k)
      for _ = 1, 3 do
        k = helpers.reopen(k)
        collect(k)
        same(standing(k, kref, "maker"), "1 1 reachable", "the baggage holds it")
        same(row(k, other), nil, "what only the old heap held")
        if reads then
          same(helpers.call(k, "keeper", "use_stored", "x"), "stored", "it answers")
        end
        helpers.settle(k)
      end
      helpers.call(k, "keeper", "unstore", "x")
      rest(k)
      collect(k)
      same(standing(k, kref, "maker"), "1 1 reachable", "another key names it")
      helpers.call(k, "keeper", "unstore", "y")
      rest(k)
      collect(k)
      same(row(k, kref), nil, "its row when no key names it")
      helpers.clean()
    end
  end)

  for name, let_go in pairs {
    ["baggage"] = { "unstore", "x" },
    ["a durable map's value"] = { "map", "x", nil },
    ["a durable map's key"] = { "empty" },
    ["a durable map's key and its value"] = { "empty" },
    ["a durable set"] = { "empty" },
    ["a durable object's state, itself in one's state"] = { "unbox" },
  } do
    it("keeps what only " .. name .. " holds, over restarts and upgrades", function()
      local k = helpers.kernel {
        db = true,
        vats = { maker = MAKER, keeper = { source = KEEPER, options = { transcript = false } } },
      }
      local kref, ref = make(k, "held")
      HOLDERS[name](k, ref)
      ref = nil -- luacheck: ignore
      rest(k)
      for round = 1, 3 do
        if round == 2 then
          k:upgrade_vat("keeper"):release()
        else
          k = helpers.reopen(k)
        end
        collect(k)
        same(standing(k, kref, "maker"), "1 1 reachable", "after round " .. round)
        same(helpers.call(k, kref, "name"), "held", "it answers")
        rest(k)
      end
      helpers.call(k, "keeper", table.unpack(let_go))
      rest(k)
      collect(k)
      same(row(k, kref), nil, "its row, when nobody holds it")
    end)
  end

  it("sends what it watched, when a restart rejects the promise, and lets go", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        maker = MAKER, second = MAKER,
        keeper = { source = KEEPER, options = { transcript = false } },
      },
    }
    local kref, ref = make(k, "held")
    HOLDERS["a watch, as an argument"](k, ref)
    ref = nil -- luacheck: ignore
    collect(k)
    same(standing(k, kref, "maker"), "1 1 reachable", "before")
    k = helpers.reopen(k)
    rest(k)
    collect(k)
    same(row(k, kref), nil, "its row when the message was sent")
  end)

  it("keeps a durable object that only others hold, and collects it with them", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        maker = {
          source = [[
            return function(vat)
              local make = vat.kind("Durable", { name = function(self) return self.text end })
              return Far("Maker", { make = function(self, name) return make { text = name } end })
            end
          ]],
          options = { transcript = false },
        },
        keeper = KEEPER,
      },
    }
    local kref, ref = make(k, "durable")
    helpers.call(k, "keeper", "hold", "x", ref)
    ref = nil -- luacheck: ignore
    rest(k)
    for _ = 1, 2 do
      k = helpers.reopen(k)
      collect(k)
      same(standing(k, kref, "maker"), "1 1 reachable", "the keeper holds it")
      same(helpers.call(k, "keeper", "use", "x"), "durable", "it answers")
      rest(k)
    end
    helpers.call(k, "keeper", "let_go", "x")
    rest(k)
    k = helpers.reopen(k)
    collect(k)
    same(row(k, kref), nil, "its row, when nobody holds it")
  end)

  it("and what it exported is abandoned by a restart", function()
    local k = helpers.kernel {
      db = true,
      vats = { maker = { source = MAKER, options = { transcript = false } }, keeper = KEEPER },
    }
    local kref, ref = make(k, "lost")
    helpers.call(k, "keeper", "hold", "x", ref)
    ref = nil -- luacheck: ignore
    rest(k)
    k = helpers.reopen(k)
    same(helpers.reason(k, "keeper", "use", "x").name, "ObjectAbandoned", "the reason")
    helpers.call(k, "keeper", "let_go", "x")
    rest(k)
    collect(k)
    same(row(k, kref), nil, "its row")
  end)

  it("is built again when it was suspended over a restart", function()
    local k = helpers.kernel {
      db = true,
      vats = { maker = MAKER, keeper = { source = KEEPER, options = { transcript = false } } },
    }
    local kref, ref = make(k, "held")
    helpers.call(k, "keeper", "hold", "x", ref)
    ref = nil -- luacheck: ignore
    rest(k)
    k:suspend_vat "keeper"
    k = helpers.reopen(k)
    helpers.run(k)
    k:resume_vat "keeper"
    helpers.run(k)
    same(helpers.call(k, "keeper", "same", "x", nil), true, "its table is empty")
    rest(k)
    collect(k)
    same(row(k, kref), nil, "the row of what only the old heap held")
  end)
end)

describe("garbage: the baggage", function()
  after_each(helpers.clean)

  it("and a message name the same object, when the heap has forgotten it", function()
    local k = helpers.kernel {
      vats = {
        maker = MAKER,
        keeper = {
          source = [[
            return function(vat)
              return Far("Keeper", {
                store = function(self, x) vat.baggage.x = x end,
                same = function(self, x)
                  return vat.baggage.x == x, x == vat.baggage.x, ({ [x] = 1 })[vat.baggage.x]
                end,
              })
            end
          ]],
          options = { reap_interval = 1 },
        },
      },
    }
    local _, ref = make(k)
    helpers.call(k, "keeper", "store", ref)
    for _ = 1, 3 do
      collect(k)
      same({ helpers.call(k, "keeper", "same", ref) }, { true, true, 1 }, "one object")
    end
  end)
end)
