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
      to_itself = function(self) E.send_only(thing "own"):touch() end,
      later = function(self) return (promise()) end,
    })
  end
]]

-- Holds what it is given, in its heap or its baggage.
local KEEPER = [[
  return function(vat)
    local held = {}
    local open = {}
    return Far("Keeper", {
      hold = function(self, name, x) held[name] = x end,
      let_go = function(self, name) held[name] = nil end,
      use = function(self, name) return await(E(held[name]):name()) end,
      store = function(self, name, x) vat.baggage[name] = { x } end,
      unstore = function(self, name) vat.baggage[name] = nil end,
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
    local mine = { k:ref(tostring(ref)) }
    return function() mine[1] = nil end
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
    k:launch(helpers.config {
      vats = { extra = { source = KEEPER, parameters = { x = { ref } } } },
    })
    helpers.audit(k)
    return function() k:terminate_vat("extra", "enough") end
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
    local k = helpers.kernel { vats = { maker = MAKER } }
    k:send("maker", "to_itself"):release()
    k:step()
    helpers.audit(k)
    local own = k:objects()[2]
    same({ own.reachable, own.recognizable }, { 1, 1 }, "its counts while it is queued")
    same(#k:queue(), 1, "messages in the queue")
    helpers.run(k)
    same(#k:objects(), 1, "objects when it was delivered: the root")
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
    local k = play.kernel { "owner", "importer" }
    local thing
    k:send("ko2", "take", {})
    k:send("ko1", "give", {})
    k:drain(function(delivery)
      if delivery.method == "give" then
        return { syscalls = { { resolve = { { delivery.result, "fulfilled", { "o+5 Thing" } } } } } }
      end
    end)
    thing = k:value "SELECT 'ko' || id FROM object WHERE interface = 'Thing'"
    k:send("ko2", "look", { thing })
    local vref
    k:drain(function(delivery)
      if delivery.method == "look" then
        vref = delivery.slots[1]
        return { syscalls = { { drop_imports = { vref } } } }
      end
    end)
    same(k:value("SELECT recognizable FROM object WHERE interface = 'Thing'") > 0, true,
      "the importer can recognize it")
    k:terminate "v1"
    local told = play.lines(k:drain())
    for i = #told, 1, -1 do
      if not told[i]:find "retire_imports" then
        table.remove(told, i)
      end
    end
    same(told, k:exists(thing) and {} or { "v2 retire_imports " .. vref }, "what v2 is told")
    play.clean()
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
