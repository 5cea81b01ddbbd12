--- Vats' lives: upgrades, and what lives on.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.vats.shared"

local KID, KID2, BROKEN, source = shared.KID, shared.KID2, shared.BROKEN, shared.source
local same = helpers.same

describe("vats: upgrades", function()
  after_each(helpers.clean)

  local function family(more)
    local spec = {
      db = true,
      vats = { ann = { source = KID, parameters = { word = "given" } }, bob = KID },
      bundles = { kid2 = KID2, broken = BROKEN },
    }
    for key, value in pairs(more or {}) do
      spec[key] = value
    end
    return helpers.kernel(spec)
  end

  local function upgrade(k, vat, settings)
    local handle = helpers.hold(k, k:upgrade_vat(vat, settings))
    helpers.run(k)
    return handle
  end

  it("baggage, vatstore, parameters and the root live on", function()
    local k = family()
    local root = k:root "ann"
    helpers.call(k, "ann", "count")
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "before")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "the upgrade")
    same(tostring(k:root "ann"), tostring(root), "its root's kref")
    same({ helpers.call(k, root, "count") }, { 102, "2" }, "after, by the old reference")
    same({ helpers.call(k, root, "hello") }, { "second hello from ann", "given", 1 }, "parameters")
    same(helpers.vat(k, "ann").incarnation, 1, "its row")
    for round = 2, 3 do
      k = helpers.reopen(k)
      same({ helpers.call(k, "ann", "count") }, { 2 + 100 * round, "2" }, "after a restart")
    end
    same(helpers.call(k, "ann", "started"), 2, "a restart is no start")
    helpers.settle(k)
  end)

  it("what it decided is rejected VatUpgraded, what it exported is abandoned", function()
    local k = family()
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    local parked = helpers.send(k, open, "anything")
    helpers.run(k)
    local queued_for_toy = helpers.send(k, "ann", "make")
    upgrade(k, "ann", { bundle = "kid2" })
    for name, handle in pairs { open = open, parked = parked } do
      local reason = handle:reason()
      same({ reason.name, reason.message, reason.incarnation }, { "VatUpgraded", "vat upgraded", 0 },
        name)
    end
    same(queued_for_toy:status(), "fulfilled", "a message that was queued before it")
    local reason = helpers.reason(k, toy, "play")
    same({ reason.name, reason.message }, { "ObjectAbandoned", "object abandoned" }, "an old export")
    helpers.reason(k, queued_for_toy, "play")
    open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    upgrade(k, "bob", {})
    upgrade(k, "bob", {})
    same(open:reason().incarnation, 0, "the incarnation that had made it")
    open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    upgrade(k, "bob", {})
    same(open:reason().incarnation, 2, "a later incarnation")
    helpers.settle(k)
  end)

  it("messages that are queued behind it come to the new code", function()
    local k = family()
    local before = helpers.send(k, "ann", "count")
    local upgraded = helpers.hold(k, k:upgrade_vat("ann", { bundle = "kid2" }))
    local after = helpers.send(k, "ann", "count")
    helpers.run(k)
    same({ before:values() }, { 1, 1, "1" }, "before")
    same(upgraded:values().incarnation, 1, "between")
    same({ after:values() }, { 101, "1" }, "after")
    helpers.settle(k)
  end)

  it("a failed one leaves the old incarnation with its heap, its promises and exports", function()
    local k, logs = family()
    helpers.call(k, "ann", "count")
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    k:collect_garbage() -- as an upgrade does at first
    local heap = k:heap_hash "ann"
    for _, settings in ipairs { { bundle = "broken" }, { source = source "return 5" },
      { source = source "return function() return 5 end" },
      { source = source "return function() while true do end end" },
      { source = source "return function(vat) vat.exit() return Far('X', {}) end" } } do
      local failed = upgrade(k, "ann", settings)
      same({ failed:status(), failed:reason().name }, { "rejected", "UpgradeFailed" }, "the upgrade")
      same(k:heap_hash "ann", heap, "its heap")
    end
    same(open:status(), "unresolved", "its promise")
    same(helpers.call(k, toy, "play"), "toy of 0", "its export")
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "its heap goes on")
    same(helpers.call(k, "ann", "started"), 1, "its baggage")
    local row = helpers.vat(k, "ann")
    same({ row.state, row.incarnation }, { "running", 0 }, "its row")
    helpers.says(helpers.show(logs.all), "this one does not start", "the log says why")
    k = helpers.reopen(k)
    same({ helpers.call(k, "ann", "count") }, { 3, 3, "3" }, "after a restart")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "a good one")
    helpers.settle(k)
  end)

  it("a suspended vat goes on with new code, and gets what was parked", function()
    local k = family()
    k:suspend_vat "ann"
    local parked = helpers.send(k, "ann", "count")
    helpers.run(k)
    same(upgrade(k, "ann", { bundle = "broken" }):status(), "rejected", "a failed one")
    same({ helpers.vat(k, "ann").state, parked:status() }, { "suspended", "unresolved" }, "after it")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "the upgrade")
    same(helpers.vat(k, "ann").state, "running", "its state")
    same(parked:values(), 100, "the message")
    helpers.settle(k)
  end)

  it("a vat that cannot start again is healed by new code", function()
    local bad = [[
      return function(vat)
        if vat.vatstore.broken then error "cannot start any more" end
        return Far("Bad", { ruin = function() vat.vatstore.broken = "yes" end })
      end
    ]]
    local k = helpers.kernel { db = true, vats = { bad = { source = bad,
      options = { transcript = false } } } }
    helpers.call(k, "bad", "ruin")
    k = helpers.reopen(k)
    local parked = helpers.send(k, "bad", "ruin")
    helpers.run(k)
    same(helpers.vat(k, "bad").state, "failed", "its state")
    upgrade(k, "bad", { source = source(bad:gsub("vat.vatstore.broken then", "false then")) })
    same({ helpers.vat(k, "bad").state, helpers.vat(k, "bad").fault }, { "running", nil }, "healed")
    same(parked:status(), "fulfilled", "the message")
    helpers.settle(k)
  end)

  it("a later incarnation replays from the baggage that it began with", function()
    local remember = [[
      return function(vat)
        local seen = vat.baggage.list or "-"
        local stored = vat.vatstore.list or "-"
        local calls = 0
        return Far("Rememberer", {
          add = function(self, x)
            calls = calls + 1
            vat.baggage.list = (vat.baggage.list or "") .. x
            vat.vatstore.list = vat.baggage.list
            return vat.baggage.list
          end,
          began = function() return seen, stored, calls end,
        })
      end
    ]]
    local k = helpers.kernel {
      db = true,
      vats = { main = { source = remember, options = { snapshot_interval = 0 } } },
    }
    helpers.call(k, "main", "add", "a")
    helpers.call(k, "main", "add", "b")
    upgrade(k, "main")
    same({ helpers.call(k, "main", "began") }, { "ab", "ab", 0 }, "the second")
    helpers.call(k, "main", "add", "c")
    for round = 1, 3 do
      k = helpers.reopen(k)
      same({ helpers.call(k, "main", "began") }, { "ab", "ab", round }, "replayed")
      helpers.call(k, "main", "add", "d")
    end
    upgrade(k, "main")
    k = helpers.reopen(k)
    same({ helpers.call(k, "main", "began") }, { "abcddd", "abcddd", 0 }, "the third, replayed")
    same(helpers.vat(k, "main").incarnation, 2, "its incarnation")
    helpers.settle(k)
  end)

  it("what is refused says what would be right", function()
    local k = family()
    for words, settings in pairs {
      ["no such bundle"] = { bundle = "nothing" },
      ["source or bundle"] = { bundle = "kid2", source = "x.lua" },
      ["parameters"] = { parameters = 5 },
    } do
      helpers.says(helpers.raises(words, k.upgrade_vat, k, "ann", settings), words)
    end
    helpers.says(helpers.raises("an unknown vat", k.upgrade_vat, k, "nobody", {}), "nobody")
    helpers.raises("a syntax error", k.upgrade_vat, k, "ann", { source = source "return {" })
    helpers.raises("a missing source", k.upgrade_vat, k, "ann", { source = "/no/such/file.lua" })
    local open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    local failed = select(2, pcall(k.upgrade_vat, k, "ann", { parameters = { p = open } }))
    helpers.says(failed, { "promise", "parameter" })
    helpers.run(k)
    same(helpers.vat(k, "ann").incarnation, 0, "nothing has happened")
  end)

  it("upgrade_all, dry and real: a report, and the one that fails unchanged", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        ann = { source = KID, parameters = { word = "kept" } },
        bob = [[
          return function(vat)
            if vat.baggage.used then error "I start only once" end
            local calls = 0
            return Far("Once", {
              use = function() calls = calls + 1; vat.baggage.used = true; return calls end,
            })
          end
        ]],
        cat = KID,
        gone = KID,
      },
    }
    helpers.call(k, "ann", "count")
    helpers.call(k, "bob", "use")
    helpers.call(k, "cat", "count")
    k:terminate_vat "gone"
    helpers.run(k)
    helpers.settle(k)
    local before = k:dump()
    local hashes = {}
    for _, name in ipairs { "ann", "bob", "cat" } do
      hashes[name] = k:heap_hash(name)
    end
    local function check(list, what)
      same(helpers.column(list, "vat"), helpers.column(k:vats(), "id"), what .. ": vats")
      for i, row in ipairs(list) do
        local fails = k:vats()[i].name == "bob"
        same({ row.ok, row.incarnation }, { not fails, fails and 0 or 1 }, what .. ": row " .. i)
        if fails then
          helpers.says(row.reason, "I start only once")
        else
          same(row.reason, nil, what .. ": reason")
        end
      end
    end
    for round = 1, 3 do
      check(k:upgrade_all { dry_run = true }, "dry " .. round)
      helpers.audit(k, "after a dry run")
      same(k:dump(), before, "a dry run changes nothing")
      for name, hash in pairs(hashes) do
        same(k:heap_hash(name), hash, "the heap of " .. name)
      end
    end
    check(k:upgrade_all {}, "real")
    helpers.audit(k, "after the real one")
    same({ helpers.call(k, "ann", "hello") }, { "hello from ann", "kept", 1 }, "ann")
    same({ helpers.call(k, "ann", "count") }, { 1, 2, "2" }, "ann's heap is new, her baggage not")
    same(helpers.call(k, "bob", "use"), 2, "bob's heap goes on")
    same({ helpers.vat(k, "bob").incarnation, helpers.vat(k, "bob").state }, { 0, "running" }, "bob")
    k = helpers.reopen(k)
    same({ helpers.call(k, "cat", "count") }, { 1, 2, "2" }, "cat, after a restart")
    same(helpers.call(k, "bob", "use"), 3, "bob, after a restart")
  end)

  it("upgrade_all right after opening starts a vat without a transcript once, not twice", function()
    local k = helpers.kernel {
      db = true, vats = { ann = { source = KID, options = { transcript = false } } },
    }
    k = helpers.reopen(k)
    same(k:upgrade_all {}[1].incarnation, 1, "the row of ann")
    helpers.run(k)
    same(helpers.vat(k, "ann").incarnation, 1, "ann at rest")
  end)
end)
