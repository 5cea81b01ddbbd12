--- Vats' lives: made by vats and by the host, and what a failed launch leaves.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.vats.shared"

local BOSS, KID, KID2, BROKEN = shared.BOSS, shared.KID, shared.KID2, shared.BROKEN
local bosses, source, lasting = shared.bosses, shared.source, shared.lasting
local same = helpers.same

describe("vats: made by vats and by the host", function()
  after_each(helpers.clean)

  it("a vat makes one with vat_admin and talks to it", function()
    local k, _, cluster = bosses()
    local root = helpers.call(k, "boss", "make", "kid", { name = "ann", parameters = { word = "w" } })
    same({ helpers.call(k, "boss", "ask", "ann", "hello") }, { "hello from ann", "w", 0 }, "by boss")
    same(helpers.call(k, root, "hello"), "hello from ann", "by the root")
    same(helpers.call(k, "ann", "hello"), "hello from ann", "by its name")
    local row = helpers.vat(k, "ann")
    same({ row.cluster, row.state, row.incarnation }, { cluster.id, "running", 0 }, "its row")
    helpers.settle(k)
  end)

  it("the host makes one from a source or a bundle", function()
    local k = helpers.kernel { launch = false }
    local id, root = k:create_vat { name = "ann", source = source(KID), parameters = { word = "a" } }
    helpers.audit(k)
    assert(id:find "^v%d+$", id)
    k:install_bundle("kid", source(KID))
    local _, bob = k:create_vat { name = "bob", bundle = "kid", parameters = { other = root } }
    helpers.audit(k)
    same({ helpers.call(k, "ann", "hello") }, { "hello from ann", "a", 0 }, "by name")
    same({ helpers.call(k, bob, "other") }, { 1, 1, "1" }, "a parameter that is a reference")
    same(helpers.vat(k, "ann").cluster, nil, "its cluster")
    helpers.settle(k)
  end)

  it("they have their state after a restart, with no source on disk", function()
    local config, folder = helpers.config {
      bootstrap = "boss", services = { "vat_admin" }, vats = { boss = BOSS }, bundles = { kid = KID },
    }
    local db = helpers.folder() .. "/kernel.db"
    local k = helpers.open(db)
    k:launch(config, folder)
    helpers.run(k)
    local host_made = source(KID)
    k:create_vat { name = "host_made", source = host_made }
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "ann", "count")
    helpers.call(k, "host_made", "count")
    os.execute("rm -r " .. folder)
    os.remove(host_made)
    for round = 2, 3 do
      k = helpers.reopen(k)
      helpers.audit(k, "reopened")
      for _, name in ipairs { "ann", "host_made" } do
        same({ helpers.call(k, name, "count") }, { round, round, tostring(round) }, name)
      end
    end
    same({ helpers.call(k, "boss", "ask", "ann", "count") }, { 4, 4, "4" }, "boss has it still")
    helpers.call(k, "boss", "make", "kid", { name = "late" })
    same({ helpers.call(k, "late", "count") }, { 1, 1, "1" }, "made from the database alone")
    helpers.settle(k)
  end)

  it("what is refused says what would be right", function()
    local k = bosses()
    local function refused(words, ...)
      local before = lasting(k)
      helpers.says(helpers.show(helpers.reason(k, "boss", "create", ...)), words)
      helpers.settle(k)
      k:collect_garbage()
      same(#k:vats(), 1, "vats after it")
      same(before:match "objects\n.*", lasting(k):match "objects\n.*", "objects and promises after it")
    end
    refused({ "no such bundle", "nokid" }, "nokid", { name = "x" })
    refused({ "create_vat", "name" }, "kid", { name = "k o" })
    refused({ "create_vat", "name" }, "kid", { name = "v17" })
    refused({ "create_vat", "name", "number" }, "kid", { name = 5 })
    refused({ "create_vat", "parameters" }, "kid", { name = "x", parameters = 5 })
    refused({ "create_vat", "paramters", "parameters" }, "kid", { name = "x", paramters = {} })
    refused({ "memory_limt", "memory_limit" }, "kid", { name = "x", options = { memory_limt = 1 } })
    refused("bundle's name", { name = "x" })
    refused("bundle's name")
    refused({ "this one does not start" }, "broken", { name = "x" })
    local reason = helpers.reason(k, "boss", "service", "destroy_vat")
    same(reason.name, "NoSuchMethod", "an unknown method")
    helpers.says(reason.message, { "vat_admin", "destroy_vat", "create_vat" })
  end)

  it("a promise is no parameter", function()
    local k = bosses {
      vats = {
        boss = [[
          return function()
            local admin
            return Far("Boss", {
              bootstrap = function(self, vats, services) admin = services.vat_admin end,
              go = function(self, p)
                local open = promise()
                return await(E(admin):create_vat("kid", { name = "x", parameters = { p = open } }))
              end,
            })
          end
        ]],
      },
    }
    helpers.says(helpers.reason(k, "boss", "go").message, { "promise", "parameter", "await" })
    same(#k:vats(), 1, "vats after it")
    local handle = k:send("boss", "go")
    helpers.says(helpers.raises("by the host, in a config", k.launch, k,
      { vats = { x = { source = "moonvat:mint", parameters = { p = handle } } } }, "."),
      "promise")
    helpers.says(helpers.raises("by the host", k.create_vat, k,
      { name = "x", bundle = "kid", parameters = { p = handle } }), { "promise", "parameter" })
    helpers.run(k)
    same(#k:vats(), 1, "vats at the end")
  end)

  it("names: taken for the host, a vat's own business in a cluster", function()
    local k = bosses()
    k:create_vat { name = "ann", bundle = "kid" }
    helpers.says(helpers.raises("a taken name", k.create_vat, k, { name = "ann", bundle = "kid" }),
      "ann")
    helpers.raises("an odd name", k.create_vat, k, { name = "a b", bundle = "kid" })
    helpers.raises("no name", k.create_vat, k, { bundle = "kid" })
    helpers.raises("source and bundle", k.create_vat, k,
      { name = "x", bundle = "kid", source = "x.lua" })
    helpers.audit(k)
    same(#k:vats(), 2, "vats after it")
    k:terminate_vat "ann"
    k:create_vat { name = "ann", bundle = "kid" }
    helpers.run(k)
    same(helpers.call(k, "ann", "hello"), "hello from ann", "the name is free at once")
  end)
end)

describe("vats: failed launches", function()
  after_each(helpers.clean)

  it("leave no vat and no row", function()
    local k = bosses()
    local before = lasting(k)
    for words, text in pairs {
      ["second"] = "return function( end",
      ["this one does not start"] = BROKEN,
      ["Far"] = "return function() return 5 end",
    } do
      local config, folder = helpers.config {
        bootstrap = "first", services = { "vat_admin" },
        vats = { first = KID, second = text, third = KID }, bundles = { other = KID2 },
      }
      helpers.says(helpers.raises(words, k.launch, k, config, folder), words)
      helpers.audit(k)
      helpers.run(k)
      same(lasting(k), before, "dump")
    end
  end)

  it("a bootstrap that raises rejects its handle", function()
    local k, _, cluster = helpers.kernel {
      bootstrap = "main",
      vats = { main = "return function() return Far('Main', { bootstrap = function() error 'no' end }) end" },
    }
    helpers.run(k)
    same({ cluster.bootstrap:status(), cluster.bootstrap:reason().message }, { "rejected", "no" },
      "the handle")
    same(helpers.vat(k, "main").state, "running", "the vat goes on")
  end)
end)
