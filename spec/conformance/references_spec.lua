--- What keeps an object, and what a reference in the host's hands does.

local helpers = require "spec.support.helpers"

local same = helpers.same

local MAKER = [[
  return function(vat)
    local function thing(name)
      return Far("Thing", { name = function() return name end })
    end
    return Far("Maker", { make = function(self, name) return thing(name) end })
  end
]]

local KEEPER = [[
  return function(vat)
    return Far("Keeper", {
      keep = function(self, x) vat.baggage.thing = x; vat.baggage.list = { 1, { x } } end,
      use = function() return await(E(vat.baggage.thing):name()) end,
      same = function() return vat.baggage.thing == vat.baggage.list[2][1] end,
      drop = function() vat.baggage.thing = nil; vat.baggage.list = nil end,
      relay = function(self, x) return await(E(x):name()) end,
    })
  end
]]

local function object(k, kref)
  return helpers.row(k:objects(), "kref", tostring(kref))
end

describe("references: what holds an object", function()
  after_each(helpers.clean)

  it("the baggage, over a restart of the whole", function()
    local k = helpers.kernel { db = true, vats = { maker = MAKER, keeper = KEEPER } }
    local ref = helpers.call(k, "maker", "make", "kept")
    local kref = tostring(ref)
    helpers.call(k, "keeper", "keep", ref)
    ref = nil -- luacheck: ignore
    helpers.settle(k)
    collectgarbage()
    helpers.run(k)
    same(object(k, kref).reachable >= 1, true, "something reaches " .. kref)
    for _ = 1, 3 do
      k = helpers.reopen(k)
      helpers.audit(k, "after opening")
      same(object(k, kref).interface, "Thing", "the object's row")
      same(helpers.call(k, "keeper", "use"), "kept", "used from the baggage")
      same(helpers.call(k, "keeper", "same"), true, "one object, twice in the baggage")
      helpers.settle(k)
    end
  end)

  it("the host's reference, and the host can use, pass and print it", function()
    local k = helpers.kernel { vats = { maker = MAKER, keeper = KEEPER } }
    local ref = helpers.call(k, "maker", "make", "mine")
    helpers.settle(k)
    local kref = tostring(ref)
    assert(kref:find "^ko%d+$", "references print as ko20, not as " .. kref)
    same(object(k, kref).interface, "Thing", "the object's row")
    assert(#k:holders(kref) > 0, "nobody is said to hold " .. kref)
    same(helpers.call(k, ref, "name"), "mine", "a reference as a target")
    same(helpers.call(k, kref, "name"), "mine", "a kref as a target")
    same(helpers.call(k, "keeper", "relay", ref), "mine", "a reference as an argument")
    same(helpers.call(k, "keeper", "relay", k:ref(kref)), "mine", "k:ref(kref) as an argument")
    same(helpers.call(k, "keeper", "relay", { ref } and ref), "mine", "and again")
    helpers.settle(k)
  end)

  it("the host's references do not outlive the process", function()
    local k = helpers.kernel { db = true, vats = { maker = MAKER } }
    local ref = helpers.call(k, "maker", "make", "mine")
    local handle = k:send("maker", "make", "pending")
    helpers.run(k)
    same(handle:status(), "fulfilled", "the handle")
    local kref = tostring(ref)
    assert(#k:holders(kref) > 0, "held by the host")
    k = helpers.reopen(k)
    helpers.run(k)
    same(k:promises(), {}, "promises that only a handle held")
    for _, holder in ipairs(object(k, kref) and k:holders(kref) or {}) do
      assert(not helpers.show(holder):find "host", "still held: " .. helpers.show(holder))
    end
  end)

  it("the roots, whatever is dropped", function()
    local k = helpers.kernel { vats = { maker = MAKER, keeper = KEEPER } }
    for _ = 1, 5 do
      local root = k:root "maker"
      helpers.call(k, "keeper", "keep", root)
      helpers.call(k, "keeper", "drop")
      root = nil -- luacheck: ignore
      collectgarbage()
      helpers.run(k)
      same(type(helpers.call(k, "maker", "make", "x")), "userdata", "the root answers")
    end
    helpers.settle(k)
  end)
end)

describe("references: handles", function()
  after_each(helpers.clean)

  local SLOW = [[
    return function()
      local p, resolve, reject = promise()
      return Far("Slow", {
        wait = function() return p end,
        name = function() return "the slow vat" end,
        finish = function(self, ...) resolve(...) end,
        fail = function() reject(Error { name = "Failed", message = "it failed" }) end,
        me = function(self) return self end,
      })
    end
  ]]

  it("know their promise, its state, its values and its reason", function()
    local k = helpers.kernel { vats = { slow = SLOW } }
    local handle = helpers.send(k, "slow", "wait")
    assert(handle.kref:find "^kp%d+$", "a handle's kref is " .. tostring(handle.kref))
    same(handle:status(), "unresolved", "before it was delivered")
    helpers.run(k)
    same(handle:status(), "unresolved", "while it waits")
    helpers.says(helpers.raises("values()", handle.values, handle), "unresolved")
    same(handle:reason(), nil, "no reason")
    local again = k:promise(handle.kref)
    helpers.hold(k, again)
    helpers.call(k, "slow", "finish", 1, nil, "three")
    for _, h in ipairs { handle, again } do
      same(h:status(), "fulfilled", "after")
      same(table.pack(h:values()), table.pack(1, nil, "three"), "its values")
      same(h:reason(), nil, "no reason")
    end
    handle:release()
    helpers.says(helpers.raises("status() after release()", handle.status, handle), "released")
    helpers.raises("values() after release()", handle.values, handle)
    same(again:status(), "fulfilled", "the other handle")
    helpers.clean()
  end)

  it("of a rejection give the reason, and values() raises it", function()
    local k = helpers.kernel { vats = { slow = SLOW } }
    local handle = helpers.send(k, "slow", "wait")
    helpers.call(k, "slow", "fail")
    same(handle:status(), "rejected", "status")
    same({ handle:reason().name, tostring(handle:reason()) }, { "Failed", "it failed" }, "reason")
    local raised = helpers.raises("values()", handle.values, handle)
    same({ raised.name, tostring(raised) }, { "Failed", "it failed" }, "what values() raises")
    helpers.settle(k)
  end)

  it("can be targets and arguments, before and after they settle", function()
    local k = helpers.kernel { vats = { slow = SLOW, other = MAKER } }
    local waiting = helpers.send(k, "slow", "wait")
    local name = helpers.send(k, waiting, "name")
    local by_kref = helpers.send(k, waiting.kref, "name")
    local passed = helpers.send(k, "slow", "finish", waiting) -- cannot follow itself
    helpers.run(k)
    same(waiting:status(), "rejected", "resolved with itself")
    same({ name:status(), by_kref:status() }, { "rejected", "rejected" }, "what waited for it")
    same(passed:status(), "fulfilled", "the message that did it")
    local me = helpers.send(k, "slow", "me")
    local early = helpers.send(k, me, "name")
    helpers.run(k)
    same(early:values(), "the slow vat", "sent before it settled")
    same(helpers.call(k, me, "name"), "the slow vat", "sent after")
    same(helpers.call(k, me.kref, "name"), "the slow vat", "by its kref")
    helpers.settle(k)
  end)

  it("are released when the host's Lua collects them", function()
    local k = helpers.kernel { vats = { slow = SLOW } }
    for _ = 1, 10 do
      k:send("slow", "name")
    end
    helpers.run(k)
    collectgarbage()
    collectgarbage()
    helpers.run(k)
    same(k:promises(), {}, "promises of handles that are gone")
  end)
end)

describe("references: misuse by the host", function()
  after_each(helpers.clean)

  it("is an error that says what is wrong, and the kernel goes on", function()
    local k = helpers.kernel { vats = { maker = MAKER } }
    for words, target in pairs {
      ["nobody"] = "nobody", ["ko999"] = "ko999", ["kp999"] = "kp999", ["v99"] = "v99",
    } do
      helpers.says(helpers.raises("send to " .. target, k.send, k, target, "make"), words)
    end
    for _, target in ipairs { "", "ko", "ko01", "ko-1", " ko1", "ko1 ", 5, true, {} } do
      helpers.raises("send to " .. tostring(target), k.send, k, target, "make")
    end
    helpers.raises("send without a target", k.send, k)
    helpers.raises("send without a method", k.send, k, "maker")
    helpers.raises("a table as a method", k.send, k, "maker", {})
    helpers.raises("root of nobody", k.root, k, "nobody")
    helpers.raises("ref of nothing", k.ref, k, "ko999")
    helpers.raises("promise of nothing", k.promise, k, "kp999")
    helpers.raises("clist of nobody", k.clist, k, "nobody")
    helpers.raises("vatstore of nobody", k.vatstore, k, "v77")
    same(k:queue(), {}, "nothing was queued")
    helpers.audit(k)
    same(type(helpers.call(k, "maker", "make")), "userdata", "the kernel goes on")
    helpers.settle(k)
  end)

  it("a reference of another kernel is refused", function()
    local a = helpers.kernel { vats = { maker = MAKER } }
    local b = helpers.kernel { vats = { maker = MAKER } }
    local ref = helpers.call(a, "maker", "make", "a's")
    helpers.raises("another kernel's reference as a target", b.send, b, ref, "name")
    helpers.raises("another kernel's reference as an argument", b.send, b, "maker", "make", ref)
    helpers.audit(b)
  end)

  it("a closed kernel says that it is closed", function()
    local k = helpers.kernel { vats = { maker = MAKER } }
    local ref = helpers.call(k, "maker", "make", "x")
    local handle = k:send("maker", "make")
    helpers.close(k)
    k:close() -- again is no harm
    for _, method in ipairs { "run", "step", "vats", "dump", "audit", "commit" } do
      helpers.says(helpers.raises("k:" .. method .. "()", k[method], k), "closed")
    end
    helpers.raises("send", k.send, k, "maker", "make")
    helpers.raises("status", handle.status, handle)
    assert(tostring(ref), "a reference still prints")
  end)
end)

-- A vat that does at random what vats can do with references: it makes objects and promises,
-- sends them about, keeps, drops, settles, waits and calls. Its choices come from its own
-- deterministic generator, so that the same actions from outside give the same history.
local PUPPET = [[
  return function(vat, params)
    local held, resolvers, peers = {}, {}, {}
    math.randomseed(params.seed)
    local function keep(x)
      if #held >= 25 then table.remove(held, math.random(#held)) end
      held[#held + 1] = x
    end
    local function any() return held[math.random(#held)] end
    local thing_methods
    local function thing() return Far("Thing", thing_methods) end
    local function take(hops, ...)
      for i = 1, select("#", ...) do
        local x = select(i, ...)
        if type(x) == "userdata" then keep(x) end
      end
      if hops > 0 and math.random(3) == 1 then E(any()):poke(hops - 1, any()) end
    end
    thing_methods = {
      poke = function(self, hops, ...)
        take(hops, ...)
        local dice = math.random(6)
        if dice == 1 then error "poked too hard" end
        if dice == 2 then return any() end
        if dice == 3 then return { any(), { any() } } end
        if dice == 4 then return thing() end
        if dice == 5 then
          pcall(await, any())
          return vat.name
        end
      end,
    }
    local ops = {
      function() keep(thing()) end,
      function() keep(E(any()):poke(2, any(), any())) end,
      function() keep(E(peers[math.random(#peers)]):give(any(), any())) end,
      function() keep(E(peers[math.random(#peers)]):give(thing(), (promise()))) end,
      function() E.send_only(any()):poke(1, any()) end,
      function() if #held > 1 then table.remove(held, math.random(#held)) end end,
      function()
        local p, resolve, reject = promise()
        keep(p)
        resolvers[#resolvers + 1] = { resolve, reject }
      end,
      function()
        if #resolvers > 0 then
          local r = table.remove(resolvers, math.random(#resolvers))
          local dice = math.random(5)
          if dice == 1 then r[1](any()) end
          if dice == 2 then r[1] { any(), any() } end
          if dice == 3 then r[1](5, any()) end
          if dice == 4 then r[2](any()) end
          if dice == 5 then r[1](thing()) end
        end
      end,
      function()
        local x = any()
        if promise.is(x) then
          x:next(function(...) take(1, ...) end, function() end)
        end
      end,
      function() pcall(function() vat.baggage["k" .. math.random(4)] = any() end) end,
      function() vat.baggage["k" .. math.random(4)] = nil end,
      function()
        local x = vat.baggage["k" .. math.random(4)]
        if x then keep(x) end
      end,
    }
    return Far("Puppet", {
      meet = function(self, list)
        peers = list
        keep(self)
      end,
      give = function(self, ...) take(1, ...) return any() end,
      act = function(self, n)
        for _ = 1, n do ops[math.random(#ops)]() end
      end,
      poke = function(self, hops, ...) take(hops, ...) return any() end,
    })
  end
]]

describe("references: random talk of four vats", function()
  after_each(helpers.clean)

  local NAMES = { "ann", "ben", "cat", "dan" }

  local function puppets(seed, db)
    local vats = {}
    for i, name in ipairs(NAMES) do
      vats[name] = {
        source = PUPPET, parameters = { seed = seed * 10 + i }, options = { reap_interval = 7 + i },
      }
    end
    local k = helpers.kernel { db = db, vats = vats }
    local roots = {}
    for i, name in ipairs(NAMES) do
      roots[i] = k:root(name)
    end
    for _, name in ipairs(NAMES) do
      helpers.send(k, name, "meet", roots)
    end
    helpers.settle(k)
    return k
  end

  -- What the host does, from a seed: the same list for both kernels. It sends only when there is
  -- nothing to do, since an opened kernel may need more cranks (for what the host has let go).
  local function actions(seed)
    local state = seed
    local function random(n)
      state = (state * 1103515245 + 12345) & 0x7fffffff
      return (state >> 8) % n + 1
    end
    local function name()
      return NAMES[random(#NAMES)]
    end
    local list = {}
    for i = 1, 40 do
      local sends = {}
      for n = 1, random(3) do
        sends[n] = { vat = name(), ops = random(20) }
      end
      list[i] = { sends = sends, cranks = random(15), restart = random(3) == 1 }
    end
    for i = 5, 25, 5 do
      list[i].suspend = name()
      list[i + random(4)].resume = list[i].suspend
    end
    list[32].terminate = name()
    return list
  end

  local function control(k, action, case)
    for _, verb in ipairs { "suspend", "resume", "terminate" } do
      if action[verb] then
        k[verb .. "_vat"](k, action[verb], verb == "terminate" and "its time has come" or nil)
        helpers.audit(k, ("%s, %s %s"):format(case, verb, action[verb]))
      end
    end
  end

  local function play(k, list, restarts)
    for i, action in ipairs(list) do
      local case = "action " .. i
      for _, send in ipairs(action.sends) do
        if pcall(k.root, k, send.vat) then
          k:send(send.vat, "act", send.ops):release()
        end
      end
      for crank = 1, action.cranks do
        k:step()
        helpers.audit(k, case .. ", crank " .. crank)
      end
      control(k, action, case)
      if restarts and action.restart then
        k = helpers.reopen(k)
        helpers.audit(k, case .. ", reopened")
      end
      helpers.run(k, case)
    end
    return k
  end

  for seed = 1, 6 do
    it("seed " .. seed .. ": audits are empty, and restarts change nothing", function()
      local list = actions(seed)
      local steady = play(puppets(seed), list, false)
      local restarted = play(puppets(seed, true), list, true)
      local cranks = steady:stats().cranks
      assert(cranks > 300, "hardly anything has happened: " .. cranks .. " cranks")
      local a, b = steady:dump(), restarted:dump()
      if a ~= b then
        local wanted = (a .. "\n"):gmatch "(.-)\n"
        for line in (b .. "\n"):gmatch "(.-)\n" do
          same(line, wanted() or "nothing", "the first line of the dump that a restart changed")
        end
        error "the dump without restarts is longer"
      end
    end)
  end
end)
