--- Vats that make and keep things, and what a kernel says of an object: for the specs beside.

local helpers = require "spec.support.helpers"

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

return {
  MAKER = MAKER, KEEPER = KEEPER, row = row, standing = standing, rest = rest,
  collect = collect, make = make, give = give, counts = counts, HOLDERS = HOLDERS,
}
