--- Garbage across vats: an object lives as long as somebody can reach it, and no longer.

local helpers = require "spec.support.helpers"
local play = require "spec.support.play"

local same = helpers.same

-- Makes things; keeps those that it is told to keep.
local MAKER = [[
  return function(vat)
    local kept = {}
    local function thing(name)
      local held
      return Far("Thing", {
        name = function() return name end,
        hold = function(self, x) held = x end,
        held = function() return held end,
        touch = function() end,
      })
    end
    return Far("Maker", {
      make = function(self, name) return thing(name) end,
      keep = function(self, name) kept[name] = thing(name); return kept[name] end,
      again = function(self, name) return kept[name] end,
      is = function(self, name, x) return kept[name] == x end,
      forget = function(self, name) kept[name] = nil end,
      later = function(self) return (promise()) end,
    })
  end
]]

-- Holds what it is given, in its heap or its baggage.
local KEEPER = [[
  return function(vat)
    local held = {}
    local open = {}
    local make_box = vat.kind("Box", {})
    return Far("Keeper", {
      hold = function(self, name, x) held[name] = x end,
      let_go = function(self, name) held[name] = nil end,
      use = function(self, name) return await(E(held[name]):name()) end,
      store = function(self, name, x) vat.baggage[name] = { x } end,
      unstore = function(self, name) vat.baggage[name] = nil end,
      map = function(self, name, x) vat.map "map"[name] = x end,
      key = function(self, x, value) vat.map "keys"[x] = value end,
      add = function(self, x) vat.set "set"[x] = true end,
      empty = function()
        for x in pairs(vat.map "keys") do vat.map "keys"[x] = nil end
        for x in pairs(vat.set "set") do vat.set "set"[x] = nil end
      end,
      box = function(self, x) vat.baggage.box = make_box { inner = make_box { x = x } } end,
      unbox = function() vat.baggage.box = nil end,
      box_in_heap = function(self, name, x) held[name] = make_box { x = x } end,
      watch = function(self, name, to, x)
        local p
        p, open[name] = promise()
        vat.watch(p, to, "touch", x)
      end,
      use_stored = function(self, name) return await(E(vat.baggage[name][1]):name()) end,
      pass = function(self, name, to, method, ...)
        return await(E(to)[method](E(to), ..., held[name]))
      end,
      same = function(self, name, x) return held[name] == x end,
      wait = function(self, name)
        local p, resolve = promise()
        open[name] = resolve
        return p
      end,
      resolve = function(self, name, x)
        open[name](x)
        open[name] = nil
      end,
      closure = function(self, name, x)
        held[name] = coroutine.wrap(function()
          coroutine.yield()
          return x
        end)
        held[name]()
      end,
    })
  end
]]

local function row(k, kref)
  return helpers.row(k:objects(), "kref", kref)
end

--- The row's counts and what the owner's c-list says: "1 1 reachable", "0 0 dropped", "gone".
local function standing(k, kref, owner)
  local object = row(k, kref)
  if not object then
    return "gone"
  end
  local entry = helpers.row(k:clist(owner), "kref", kref)
  return ("%d %d %s"):format(object.reachable, object.recognizable,
    not entry and "orphan" or entry.reachable and "reachable" or "dropped")
end

--- The host lets go of what it holds no more.
local function rest(k)
  collectgarbage()
  collectgarbage()
  helpers.settle(k)
end

--- Collects, with audits before and after; what the host's Lua let go of goes too.
local function collect(k)
  collectgarbage()
  collectgarbage()
  helpers.run(k)
  local count = k:collect_garbage()
  helpers.audit(k, "after collect_garbage")
  return count
end

--- A new thing's kref; only the host's reference, which is returned, holds it.
local function make(k, name)
  local handle = k:send("maker", "make", name or "thing")
  helpers.run(k)
  local ref = handle:values()
  handle:release()
  return tostring(ref), ref
end

local function sizes(k)
  local stats = k:stats()
  return { objects = stats.objects, promises = stats.promises, clists = stats.clists,
    queue = stats.queue, parked = stats.parked }
end

--- In a kernel of play: vat from exports these to each of the vats to; their krefs.
local function give(k, from, exports, to)
  local known = {}
  for _, vat in ipairs(to) do
    local result = k:send("ko" .. from, "give", {})
    k:drain(function(delivery)
      if delivery.method == "give" then
        return { syscalls = { { resolve = { { delivery.result, "fulfilled", exports } } } } }
      end
    end)
    known = {}
    for kref in select(2, k:outcome(result)):gmatch "ko%d+" do
      known[#known + 1] = kref
    end
    local take = k:send("ko" .. vat, "take", known)
    k:drain()
    k:release(take)
    k:release(result)
    k:drain()
  end
  return known
end

local function counts(k, kref)
  local found = k:sql("SELECT reachable, recognizable FROM object WHERE id = "
    .. kref:match "%d+")[1]
  return ("%d %d"):format(found[1], found[2])
end

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

-- Each says how to hold a reference, and gives how to let go of it.
local HOLDERS = {
  ["a vat's table"] = function(k, ref)
    helpers.call(k, "keeper", "hold", "x", ref)
    return function() helpers.call(k, "keeper", "let_go", "x") end
  end,
  ["a suspended coroutine"] = function(k, ref)
    helpers.call(k, "keeper", "closure", "x", ref)
    return function() helpers.call(k, "keeper", "let_go", "x") end
  end,
  ["baggage"] = function(k, ref)
    helpers.call(k, "keeper", "store", "x", ref)
    return function() helpers.call(k, "keeper", "unstore", "x") end
  end,
  ["a durable map's value"] = function(k, ref)
    helpers.call(k, "keeper", "map", "x", { ref })
    return function() helpers.call(k, "keeper", "map", "x", nil) end
  end,
  ["a durable map's key"] = function(k, ref)
    helpers.call(k, "keeper", "key", ref, 5)
    return function() helpers.call(k, "keeper", "empty") end
  end,
  ["a durable map's key and its value"] = function(k, ref)
    helpers.call(k, "keeper", "key", ref, { ref })
    return function() helpers.call(k, "keeper", "empty") end
  end,
  ["a durable set"] = function(k, ref)
    helpers.call(k, "keeper", "add", ref)
    return function() helpers.call(k, "keeper", "empty") end
  end,
  ["a durable object's state, itself in one's state"] = function(k, ref)
    helpers.call(k, "keeper", "box", ref)
    return function() helpers.call(k, "keeper", "unbox") end
  end,
  ["a durable object that the heap holds"] = function(k, ref)
    helpers.call(k, "keeper", "box_in_heap", "x", ref)
    return function() helpers.call(k, "keeper", "let_go", "x") end
  end,
  ["a watch, as its target"] = function(k, ref)
    helpers.call(k, "keeper", "watch", "x", ref)
    return function() helpers.call(k, "keeper", "resolve", "x", 5) end
  end,
  ["a watch, as an argument"] = function(k, ref)
    helpers.call(k, "keeper", "watch", "x", helpers.call(k, "second", "make", "other"), ref)
    return function() helpers.call(k, "keeper", "resolve", "x", 5) end
  end,
  ["a thing of another vat"] = function(k, ref)
    local other = helpers.call(k, "second", "keep", "other")
    helpers.call(k, other, "hold", ref)
    return function() helpers.call(k, other, "hold", nil) end
  end,
  ["a pin"] = function(k, ref)
    local kref = tostring(ref)
    k:pin(ref)
    return function() k:unpin(kref) end
  end,
  ["two pins"] = function(k, ref)
    local kref = tostring(ref)
    k:pin(ref)
    k:pin(ref)
    k:unpin(kref)
    return function() k:unpin(kref) end
  end,
  ["the host's reference"] = function(k, ref)
    local mine = k:ref(tostring(ref))
    return function() mine = mine == nil end
  end,
  ["the host's handle, by its value"] = function(k, ref)
    local handle = k:send("keeper", "wait", "x")
    helpers.call(k, "keeper", "resolve", "x", ref)
    same(handle:status(), "fulfilled", "the handle")
    return function() handle:release() end
  end,
  ["a handle, in a table of its value"] = function(k, ref)
    local handle = k:send("keeper", "wait", "x")
    helpers.call(k, "keeper", "resolve", "x", { 1, { ref } })
    return function() handle:release() end
  end,
  ["parameters"] = function(k, ref)
    local _, folder = helpers.config { vats = { extra = KEEPER } }
    k:create_vat { name = "extra", source = folder .. "/extra.lua", parameters = { x = { ref } } }
    helpers.audit(k)
    return function() k:terminate_vat("extra", "enough") end
  end,
  ["parameters that an upgrade replaces"] = function(k, ref)
    local _, folder = helpers.config { vats = { extra = KEEPER } }
    k:create_vat { name = "extra", source = folder .. "/extra.lua", parameters = { x = { ref } } }
    return function()
      k:upgrade_vat("extra"):release()
      collect(k)
      same(#k:objects(), 5, "objects after an upgrade with the parameters that it had")
      k:upgrade_vat("extra", { parameters = {} }):release()
    end
  end,
  ["a message parked on a promise"] = function(k, ref)
    local p = k:send("keeper", "wait", "x")
    helpers.run(k)
    k:send(p, "hold", "x", ref):release()
    p:release()
    return function() helpers.call(k, "keeper", "resolve", "x", 5) end
  end,
  ["a message parked with a suspended vat"] = function(k, ref)
    k:suspend_vat "second"
    k:send("second", "forget", ref):release()
    return function() k:resume_vat "second" end
  end,
  ["a message parked with a suspended vat that then ends"] = function(k, ref)
    k:suspend_vat "second"
    k:send("second", "forget", ref):release()
    return function() k:terminate_vat("second", "enough") end
  end,
  ["a message whose target it is, parked with its vat"] = function(k, ref)
    k:suspend_vat "maker"
    k:send(ref, "touch"):release()
    return function() k:resume_vat "maker" end
  end,
}

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

describe("garbage: the order of deliveries", function()
  after_each(play.clean)

  local GC <const> = { drop_exports = true, retire_exports = true, retire_imports = true }

  --- Vats v1 to v12 each gave two things to v13, which drops all of them and retires the first of
  -- each.
  local function twelve()
    local names = {}
    for i = 1, 13 do
      names[i] = "vat" .. i
    end
    local k = play.kernel(names)
    local krefs = {}
    for i = 1, 12 do
      krefs[i] = give(k, i, { "o+5 Thing", "o+6 Thing" }, { 13 })
    end
    local function drop()
      local result = k:send("ko13", "drop", {})
      k:crank(function()
        local all, first = {}, {}
        for n = 1, 24 do
          all[n] = "o-" .. n
          first[#first + 1] = n % 2 == 1 and "o-" .. n or nil
        end
        return { syscalls = { { drop_imports = all }, { retire_imports = first } } }
      end)
      k:release(result)
    end
    return k, krefs, drop
  end

  it("is by vat, numeric, then drop, then retire; one batch in a crank", function()
    local k, _, drop = twelve()
    drop()
    local wanted = {}
    for i = 1, 12 do
      wanted[#wanted + 1] = ("v%d drop_exports o+5 o+6"):format(i)
      wanted[#wanted + 1] = ("v%d retire_exports o+5"):format(i)
    end
    same(play.lines(k:drain()), wanted, "deliveries")
  end)

  it("leaves out what is no longer true", function()
    local k, krefs, drop = twelve()
    drop()
    -- the host names things before they are dropped; the first is what v1 has given
    local held = {}
    for _, vat in ipairs { 1, 5, 12 } do
      held[#held + 1] = k:hold(krefs[vat][2])
    end
    k:terminate "v7"
    local wanted = {}
    for i = 1, 12 do
      local keeps = i == 1 or i == 5 or i == 12
      if i ~= 7 then
        wanted[#wanted + 1] = ("v%d drop_exports o+5%s"):format(i, keeps and "" or " o+6")
        wanted[#wanted + 1] = ("v%d retire_exports o+5"):format(i)
      end
    end
    wanted[#wanted + 1] = "v13 retire_imports o-14"
    same(play.lines(k:drain()), wanted, "deliveries")
    for _, vat in ipairs { 1, 5, 12 } do
      k:release(krefs[vat][2])
    end
    same(play.lines(k:drain()), { "v1 drop_exports o+6", "v5 drop_exports o+6",
      "v12 drop_exports o+6" }, "when the host lets go")
  end)

  it("comes at most once between two items of the queue", function()
    local k, _, drop = twelve()
    drop()
    for n = 1, 30 do
      k:release(k:send("ko13", "m" .. n, {}))
    end
    local order = {}
    for i, delivery in ipairs(k:drain()) do
      order[i] = GC[delivery.kind] and "gc" or "item"
    end
    same(table.concat(order, " "), ("gc item "):rep(24) .. ("item "):rep(5) .. "item", "order")
  end)

  it("has batches of at most a thousand references", function()
    local k = play.kernel { "owner", "importer" }
    local exports = {}
    for n = 1, 2500 do
      exports[n] = "o+" .. n .. " Thing"
    end
    give(k, 1, exports, { 2 })
    local result = k:send("ko2", "drop", {})
    local deliveries = k:drain(function(delivery)
      if delivery.method == "drop" then
        local all = {}
        for n = 1, 2500 do
          all[n] = "o-" .. n
        end
        return { syscalls = { { drop_imports = all }, { retire_imports = all } } }
      end
    end)
    k:release(result)
    local sizes_of = {}
    for _, delivery in ipairs(deliveries) do
      if GC[delivery.kind] then
        sizes_of[#sizes_of + 1] = delivery.kind .. " " .. #delivery.refs
      end
    end
    same(sizes_of, { "drop_exports 1000", "drop_exports 1000", "drop_exports 500",
      "retire_exports 1000", "retire_exports 1000", "retire_exports 500" }, "batches")
    same(k:value "SELECT count(*) FROM object", 2, "objects: the roots")
  end)
end)

-- Makes, gives, uses, drops, meets again; prints what vat code sees.
local SCENE <const> = {
  main = [[
    return function(vat)
      return Far("Main", {
        bootstrap = function(self, vats)
          local maker, keeper = vats.maker, vats.keeper
          local keys, order = {}, {}
          for i = 1, 12 do keys[await(E(maker):make("k" .. i))] = i end
          for key, i in pairs(keys) do order[#order + 1] = i .. tostring(key) end
          table.sort(order)
          print(table.concat(order, " "))
          keys = nil -- all twelve are garbage now
          for round = 1, 6 do
            local name = "x" .. round % 3
            local x = await(E(maker):keep(name))
            await(E(keeper):hold(name, x))
            if round % 2 == 0 then await(E(keeper):store(name, x)) end
            x = nil
            print(await(E(keeper):use(name)))
            await(E(keeper):let_go(name))
            local again = await(E(maker):again(name))
            print(tostring(again), await(E(maker):is(name, again)))
            if round % 3 == 0 then
              await(E(keeper):unstore(name))
              await(E(maker):forget(name))
            end
          end
        end,
      })
    end
  ]],
  maker = MAKER,
  keeper = KEEPER,
}

local function scene(db, interval)
  local vats = {}
  for name, source in pairs(SCENE) do
    vats[name] = { source = source, options = { reap_interval = interval } }
  end
  local k, logs = helpers.kernel { db = db, bootstrap = "main", vats = vats,
    open = { commit_every = 1000 } }
  return k, logs
end

describe("garbage: collecting", function()
  after_each(helpers.clean)

  it("is repeated by replay: a restart after any crank changes nothing", function()
    local k = scene(true, 3)
    local cranks = 0
    while k:step() do
      cranks = cranks + 1
    end
    local wanted = k:dump()
    assert(cranks > 100, "hardly anything has happened: " .. cranks)
    for at = 1, cranks, 3 do -- every crank, in the next test
      k = scene(true, 3)
      for _ = 1, at do
        k:step()
      end
      k = helpers.reopen(k)
      helpers.audit(k, "after crank " .. at .. " and a restart")
      while k:step() do -- luacheck: ignore
      end
      if k:dump() ~= wanted then
        same(k:dump(), wanted, "the dump when it was restarted after crank " .. at)
      end
      helpers.clean()
    end
  end)

  it("and restarts after every crank, too", function()
    local k = scene(true, 3)
    k:run()
    local wanted = k:dump()
    helpers.clean()
    k = scene(true, 3)
    while k:step() do
      k = helpers.reopen(k)
      helpers.audit(k, "after a restart")
    end
    same(k:dump(), wanted, "the dump")
  end)

  it("is not visible to vat code, however often it comes", function()
    local wanted
    for _, interval in ipairs { 0, 1, 2, 5, 100 } do
      local k, logs = scene(":memory:", interval)
      helpers.run(k)
      wanted = wanted or logs.main
      assert(#wanted == 13, "the scene has printed " .. #wanted .. " lines")
      same(logs.main, wanted, "what it prints with reap_interval = " .. interval)
      helpers.clean()
    end
  end)

  it("and the host, who names what is on its way out, come to no harm", function()
    for cranks = 0, 8 do
      local k = helpers.kernel {
        vats = {
          maker = { source = MAKER, options = { reap_interval = 1 } },
          keeper = { source = KEEPER, options = { reap_interval = 1 } },
        },
      }
      local kref
      do
        local ref = helpers.call(k, "maker", "keep", "x")
        kref = tostring(ref)
        helpers.call(k, "keeper", "hold", "x", ref)
      end
      rest(k)
      k:send("keeper", "let_go", "x"):release()
      for _ = 1, cranks do
        k:step()
      end
      if row(k, kref) then
        do
          local ref = k:ref(kref)
          same(helpers.call(k, kref, "name"), "x", "called after " .. cranks .. " cranks")
          helpers.call(k, "keeper", "hold", "x", ref)
        end
        rest(k)
        collect(k)
        same(helpers.call(k, "keeper", "use", "x"), "x", "used after " .. cranks .. " cranks")
      else
        helpers.raises("a reference that is gone", k.ref, k, kref)
      end
      same(helpers.vat(k, "maker").fault, nil, "the maker's fault")
      helpers.clean()
    end
  end)

  it("goes on in a vat that is at its memory limit", function()
    local k = helpers.kernel {
      open = { commit_every = 1000 },
      vats = {
        full = {
          source = [[
            return function()
              local kept, filled = {}, {}
              return Far("Full", {
                make = function(self, n)
                  for i = 1, n do kept[i] = Far("Thing", {}) end
                  return kept
                end,
                fill = function(self, size) filled[#filled + 1] = ("x"):rep(size) .. #filled end,
                empty = function() kept, filled = {}, {} end,
              })
            end
          ]],
          options = { memory_limit = 2 * 1024 * 1024 },
        },
        keeper = KEEPER,
      },
    }
    k:call("keeper", "hold", "all", k:call("full", "make", 1000))
    for _, size in ipairs { 65536, 4096, 256, 32, 8 } do
      while pcall(k.call, k, "full", "fill", size) do -- luacheck: ignore
      end
    end
    k:send("keeper", "let_go", "all"):release()
    collect(k)
    same(helpers.vat(k, "full").state, "running", "the vat after the collector's deliveries")
    helpers.call(k, "full", "empty")
    rest(k)
    collect(k)
    same(#k:objects(), 2, "objects: the roots")
  end)

  it("returns how many objects went", function()
    local k = helpers.kernel { vats = { maker = MAKER } }
    collect(k)
    same(collect(k), 0, "when there is nothing to do")
    for n = 1, 5 do
      make(k, "thing" .. n)
    end
    collectgarbage()
    local count = k:collect_garbage()
    same({ count, #k:objects() }, { 5, 1 }, "objects collected, and left")
  end)
end)

describe("garbage: ten thousand", function()
  after_each(helpers.clean)

  local DRIVER = [[
    return function(vat)
      local held = {}
      return Far("Driver", {
        objects = function(self, maker, n)
          for _ = 1, n do
            assert(await(E(await(E(maker):make("one"))):name()) == "one")
          end
        end,
        promises = function(self, other, n)
          local last
          for i = 1, n do
            local p, resolve = promise()
            last = E(other):double(p)
            resolve(i)
          end
          return await(last)
        end,
        take = function(self, maker, n)
          for i = 1, n do held[i] = E(maker):make("one") end
          for i = 1, n do held[i] = await(held[i]) end
        end,
        drop = function() held = {} end,
        double = function(self, p) return await(p) * 2 end,
        tick = function() end,
      })
    end
  ]]

  it("objects, passed and used once, leave nothing", function()
    local k = helpers.kernel { open = { commit_every = 1000 },
      vats = { maker = MAKER, driver = DRIVER } }
    k:call("driver", "objects", k:root "maker", 10)
    collect(k)
    local before = sizes(k)
    k:call("driver", "objects", k:root "maker", 10000)
    same(k:stats().objects < 1000, true, "most of them went by themselves, meanwhile")
    collect(k)
    same(sizes(k), before, "rows")
  end)

  it("calls with promises as arguments leave nothing", function()
    local k = helpers.kernel { open = { commit_every = 1000 },
      vats = { other = DRIVER, driver = DRIVER } }
    k:call("driver", "promises", k:root "other", 10)
    collect(k)
    local before = sizes(k)
    same(k:call("driver", "promises", k:root "other", 10000), 20000, "the last answer")
    collect(k)
    same(sizes(k), before, "rows")
  end)

  it("imports, dropped at once, go in parts while others are served", function()
    local COUNT <const> = 4000
    local k = helpers.kernel {
      open = { commit_every = 1000 },
      vats = {
        maker = { source = MAKER, options = { reap_interval = 0 } },
        driver = { source = DRIVER, options = { reap_interval = 1 } },
        ticker = { source = DRIVER, options = { reap_interval = 0 } },
      },
    }
    collect(k)
    local before = sizes(k)
    k:call("driver", "take", k:root "maker", COUNT)
    collect(k)
    same(k:stats().objects, before.objects + COUNT, "objects")
    k:send("driver", "drop"):release()
    for _ = 1, 80 do
      k:send("ticker", "tick"):release()
    end
    local ticks, others, gone = helpers.vat(k, "ticker").deliveries, 0, k:stats().objects
    while k:stats().queue > 0 do
      k:step()
      local now, objects = helpers.vat(k, "ticker").deliveries, k:stats().objects
      others = now > ticks and 0 or others + 1
      assert(others <= 2, "the ticker waited for " .. others .. " cranks of others")
      assert(gone - objects <= 1000, ("one crank took %d objects"):format(gone - objects))
      ticks, gone = now, objects
    end
    same(gone, before.objects, "objects when the last tick was served")
    collect(k)
    same(sizes(k), before, "rows")
  end)
end)
