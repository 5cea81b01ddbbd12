--- Vats' lives: their parameters are retained, and nothing more.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.vats.shared"

local KID, KID2, BROKEN, bosses = shared.KID, shared.KID2, shared.BROKEN, shared.bosses
local lasting = shared.lasting
local same = helpers.same

describe("vats: parameters are retained, and nothing more", function()
  after_each(helpers.clean)

  -- What holds the toy that is passed as a parameter, and everything else.
  local function setup()
    local k = helpers.kernel { vats = { toys = KID }, bundles = { kid = KID, kid2 = KID2,
      broken = BROKEN } }
    local toy = helpers.call(k, "toys", "make")
    helpers.settle(k)
    return k, toy
  end

  local function rest(k)
    collectgarbage() -- what the host's Lua still holds
    helpers.run(k)
    helpers.settle(k)
    k:collect_garbage()
    helpers.audit(k)
  end

  local function objects(k)
    return helpers.show(k:objects()) .. helpers.show(k:promises())
  end

  it("create and terminate", function()
    local k, toy = setup()
    rest(k)
    local before, before_objects = lasting(k), objects(k)
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = toy, word = { toy, toy } } }
    helpers.audit(k)
    assert(objects(k) ~= before_objects, "a vat with parameters counts")
    k:terminate_vat "ann"
    rest(k)
    same(objects(k), before_objects, "counts")
    -- but for toys' own collections, the state is the one before
    same(lasting(k):gsub("\nvats\n.-\nclists\n", ""), before:gsub("\nvats\n.-\nclists\n", ""), "dump")
  end)

  it("a failed create", function()
    local k, toy = setup()
    local before = lasting(k)
    for _ = 1, 3 do
      helpers.says(helpers.raises("a vat that does not start", k.create_vat, k,
        { name = "ann", bundle = "broken", parameters = { other = toy } }),
        "this one does not start")
      helpers.audit(k)
      same(lasting(k), before, "dump")
    end
  end)

  it("a failed upgrade, three times, with and without parameters", function()
    local k, toy = setup()
    local other = helpers.call(k, "toys", "make")
    helpers.settle(k)
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = k:root "toys", word = toy } }
    helpers.call(k, "ann", "count")
    rest(k)
    local before, heap = lasting(k), k:heap_hash "ann"
    for round = 1, 3 do
      for _, parameters in ipairs { false, { word = other } } do
        local upgrade = helpers.hold(k, k:upgrade_vat("ann",
          { bundle = "broken", parameters = parameters or nil }))
        helpers.run(k)
        same(upgrade:status(), "rejected", "upgrade " .. round)
        helpers.says(upgrade:reason().message, { "failed", "this one does not start" })
        helpers.settle(k)
        same(lasting(k), before, "dump")
        same(k:heap_hash "ann", heap, "its heap")
      end
    end
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "it goes on")
    same(helpers.call(k, "ann", "started"), 1, "its baggage")
  end)

  it("an upgrade without parameters keeps them, with parameters replaces them", function()
    local k, toy = setup()
    local other = helpers.call(k, "toys", "make")
    k:pin(other)
    k:pin(toy)
    helpers.settle(k)
    local function holders(ref)
      local count = 0
      for _, holder in ipairs(k:holders(tostring(ref))) do
        count = count + (holder.kind == "parameters" and 1 or 0)
      end
      return count
    end
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = k:root "toys", word = toy } }
    same({ holders(toy), holders(other) }, { 1, 0 }, "at first")
    for round = 1, 3 do
      local upgrade = helpers.hold(k, k:upgrade_vat("ann", { bundle = "kid2" }))
      helpers.run(k)
      same(upgrade:values(), { incarnation = round }, "upgrade")
      same({ holders(toy), holders(other) }, { 1, 0 }, "kept")
      same(tostring(select(2, helpers.call(k, "ann", "hello"))), tostring(toy), "they arrive again")
    end
    local upgrade = helpers.hold(k, k:upgrade_vat("ann", { parameters = { word = other } }))
    helpers.run(k)
    same(upgrade:values(), { incarnation = 4 }, "with parameters")
    same({ holders(toy), holders(other) }, { 0, 1 }, "replaced")
    same(tostring(select(2, helpers.call(k, "ann", "hello"))), tostring(other), "the new ones arrive")
    k:terminate_vat "ann"
    rest(k)
    same({ holders(toy), holders(other) }, { 0, 0 }, "after its end")
  end)

  it("through vat_admin: create, failed create, upgrades, failed upgrades, terminate", function()
    local k = bosses()
    local toy = k:create_vat { name = "toys", bundle = "kid" } and helpers.call(k, "toys", "make")
    rest(k)
    local before = objects(k)
    for _ = 1, 3 do
      helpers.reason(k, "boss", "create", "broken", { name = "x", parameters = { other = toy } })
      rest(k)
      same(objects(k), before, "counts after a failed create")
    end
    helpers.call(k, "boss", "make", "kid", { name = "ann", parameters = { other = toy } })
    rest(k)
    local made = objects(k)
    for round = 1, 3 do
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "broken", { parameters = { word = toy } })
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "broken")
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "no_such_bundle")
      rest(k)
      same(objects(k), made, "counts after failed upgrades")
      same(helpers.call(k, "boss", "admin", "ann", "upgrade", "kid2"), { incarnation = 2 * round - 1 },
        "without parameters")
      same(helpers.call(k, "boss", "admin", "ann", "upgrade", "kid", { parameters = { other = toy } }),
        { incarnation = 2 * round }, "with parameters")
      rest(k)
      same(objects(k), made, "counts after upgrades")
    end
    helpers.call(k, "boss", "admin", "ann", "terminate")
    helpers.call(k, "boss", "forget", "ann")
    rest(k)
    same(objects(k), before, "counts after its end")
    same(helpers.column(k:vats(), "name"), { "boss", "toys" }, "vats")
  end)
end)
