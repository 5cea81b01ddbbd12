--- Promises: who settles them, who is told, what they follow, when they go.

local play = require "spec.support.play"

--- Delivers one message from the host to a vat's root; its outcome is these syscalls.
local function turn(k, vat, syscalls, arguments)
  local result = k:send(k:root(vat), "turn", arguments or {})
  local kept
  repeat
    local delivery = k:crank(function(delivery)
      if delivery.kind ~= "message" or delivery.method ~= "turn" then
        return {}
      end
      kept = true
      return { syscalls = syscalls }
    end)
  until kept or delivery == false
  assert(kept, "the turn was not delivered")
  k:release(result)
end

--- v1 gives v2 (and v3) its promises p+1 ... p+count, which they know as p-1 ...
local function promises(k, count, vats)
  local syscalls = {}
  for _, vat in ipairs(vats or { "v2" }) do
    turn(k, "v1", {}, { k:root(vat) })
  end
  local all = {}
  for i = 1, count do
    all[i] = "p+" .. i
  end
  for i = 1, #(vats or { "v2" }) do
    syscalls[i] = { send = "o-" .. i, method = "take", args = all }
  end
  turn(k, "v1", syscalls)
  return k:drain(function(delivery)
    local list = {}
    for i, vref in ipairs(delivery.slots) do
      list[i] = { subscribe = vref }
    end
    return { syscalls = list }
  end)
end

local function lines(k, outcome)
  return play.lines(k:drain(outcome))
end

describe("settling", function()
  after_each(play.clean)

  it("tells the subscribers in vat order, numbers as numbers, then the parked messages move on",
    function()
      local k = play.kernel { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l" }
      promises(k, 1, { "v10", "v9", "v2", "v12", "v11" })
      local kref = k:kref("v1", "p+1")
      k:send(kref, "parked", {})
      k:crank()
      turn(k, "v1", { { resolve = { { "p+1", "fulfilled", { "o+0" } } } } })
      local told = {}
      for i, delivery in ipairs(k:drain()) do
        told[i] = delivery.vat .. " " .. (delivery.method or delivery.kind)
      end
      assert.same({ "v2 notify", "v9 notify", "v10 notify", "v11 notify", "v12 notify",
        "v1 parked" }, told)
    end)

  it("retires the promise: the resolver's entry at once, the subscriber's with the notify",
    function()
      local k = play.kernel { "a", "b" }
      promises(k, 1)
      turn(k, "v1", { { resolve = { { "p+1", "fulfilled", { 7 } } } } })
      assert.same({ { 2, "p-1" } }, k:sql "SELECT vat, vref FROM clist WHERE vref LIKE 'p_1' AND vat = 2")
      assert.same({}, k:sql "SELECT * FROM clist WHERE vref = 'p+1'")
      assert.same({ "v2 notify p-1 fulfilled (7)" }, lines(k))
      assert.equal(0, k:value "SELECT count(*) FROM clist WHERE vref = 'p-1' AND vat = 2")
    end)

  it("tells a vat that subscribes to what has settled, once", function()
    local k = play.kernel { "a", "b" }
    turn(k, "v1", {}, { "ko2" })
    turn(k, "v1", { { send = "o-1", args = { "p+1" } }, { resolve = { { "p+1", "fulfilled", { 1 } } } } })
    assert.same({ "v2 m (@p-1)", "v2 notify p-1 fulfilled (1)" }, lines(k, function(delivery)
      return delivery.kind == "message"
        and { syscalls = { { subscribe = "p-1" }, { subscribe = "p-1" } } } or {}
    end))
  end)

  it("gives a promise that is met again a fresh vref", function()
    local k = play.kernel { "a", "b" }
    promises(k, 1)
    local kref = k:kref("v1", "p+1")
    k:hold(kref)
    turn(k, "v1", { { resolve = { { "p+1", "rejected", { "no" } } } } })
    k:drain()
    local result = k:send("ko2", "again", { kref })
    local delivery = k:crank { syscalls = { { subscribe = "p-2" } } }
    assert.same({ "p-2" }, delivery.slots)
    assert.same({ 'v2 notify p-2 rejected ("no")' }, lines(k))
    k:release(result)
    k:release(kref)
  end)

  it("settles and retires a batch together, though the values name each other", function()
    local k = play.kernel { "a", "b" }
    promises(k, 2)
    turn(k, "v1", { { resolve = {
      { "p+1", "fulfilled", { "p+2" } }, { "p+2", "fulfilled", { "p+1" } },
    } } })
    assert.same({ "v2 notify p-1 fulfilled (@p-2) p-2 fulfilled (@p-1)" }, lines(k))
    k:drain()
    assert.equal(0, k:value "SELECT count(*) FROM promise WHERE state = 'fulfilled'")
  end)

  it("tells at once of all settled promises that a value leads to", function()
    local k = play.kernel { "a", "b" }
    promises(k, 1)
    turn(k, "v1", { { resolve = {
      { "p+1", "fulfilled", { "p+2", "p+3" } }, { "p+2", "fulfilled", { "p+4", 2 } },
      { "p+4", "rejected", { "p+5" } },
    } } })
    local told = k:drain()
    assert.same({ "v2 notify p-1 fulfilled (@p-2, @p-3) p-2 fulfilled (@p-4, 2)"
      .. " p-4 rejected (@p-5)" }, play.lines(told))
    assert.equal(0, k:value "SELECT count(*) FROM promise WHERE state <> 'unresolved'")
    assert.same({ { "p-3" }, { "p-5" } },
      k:sql "SELECT vref FROM clist WHERE vat = 2 AND vref LIKE 'p%' ORDER BY vref")
  end)

  it("collects a cycle that everybody dropped, across values of three", function()
    local k = play.kernel { "a", "b" }
    promises(k, 3)
    turn(k, "v1", { { resolve = {
      { "p+1", "fulfilled", { "p+2" } }, { "p+2", "fulfilled", { "p+3" } },
      { "p+3", "rejected", { "p+1" } },
    } } })
    assert.equal(3, k:value "SELECT count(*) FROM promise WHERE state <> 'unresolved'")
    k:drain()
    assert.equal(0, k:value "SELECT count(*) FROM promise WHERE state <> 'unresolved'")
  end)
end)

describe("following", function()
  after_each(play.clean)

  it("takes the value when the other settles, and counts end at the baseline", function()
    local k = play.kernel { "a", "b" }
    promises(k, 3)
    turn(k, "v1", { { resolve = { { "p+1", "follow", "p+2" } } } })
    turn(k, "v1", { { resolve = { { "p+2", "follow", "p+3" } } } })
    assert.same({}, lines(k))
    turn(k, "v1", { { resolve = { { "p+3", "fulfilled", { "x" } } } } })
    assert.same({ 'v2 notify p-3 fulfilled ("x")', 'v2 notify p-2 fulfilled ("x")',
      'v2 notify p-1 fulfilled ("x")' }, lines(k))
    assert.equal(0, k:value "SELECT count(*) FROM promise WHERE follows IS NOT NULL OR state = 'fulfilled'")
  end)

  it("of one that has settled is settling", function()
    local k = play.kernel { "a", "b" }
    promises(k, 2)
    local kref = k:kref("v1", "p+1")
    turn(k, "v1", {}, { kref }) -- v1 is the host's witness: it knows p+1 already
    turn(k, "v1", { { resolve = {
      { "p+1", "rejected", { "no" } }, { "p+2", "follow", "p+1" },
    } } })
    assert.same({ 'v2 notify p-1 rejected ("no")', 'v2 notify p-2 rejected ("no")' }, lines(k))
  end)

  it("itself, or in a circle, is a rejection", function()
    local k = play.kernel { "a", "b" }
    promises(k, 3)
    turn(k, "v1", { { resolve = { { "p+1", "follow", "p+1" } } } })
    local reason = 'rejected (Error {name = "Error", message = "a promise cannot follow itself"})'
    assert.same({ "v2 notify p-1 " .. reason }, lines(k))
    turn(k, "v1", { { resolve = { { "p+2", "follow", "p+3" }, { "p+3", "follow", "p+2" } } } })
    assert.same({ "v2 notify p-3 " .. reason, "v2 notify p-2 " .. reason }, lines(k))
  end)

  it("across two vats in a circle is a rejection of both", function()
    local k = play.kernel { "a", "b" }
    promises(k, 1)                                              -- p-1 of v2 is v1's p+1
    turn(k, "v2", {}, { "ko1" })
    turn(k, "v2", { { send = "o-1", args = { "p+1" } } })
    k:drain()
    local known = k:vref("v1", k:kref("v2", "p+1"))
    turn(k, "v1", { { resolve = { { "p+1", "follow", known } } } })
    turn(k, "v2", { { resolve = { { "p+1", "follow", "p-1" } } } })
    local told = lines(k)
    assert.equal(1, #told)
    assert.is_truthy(told[1]:find("cannot follow itself", 1, true))
  end)

  it("moves what is parked behind what waits for the other, in order", function()
    local k = play.kernel { "a", "b" }
    promises(k, 2)
    local one, two = k:kref("v1", "p+1"), k:kref("v1", "p+2")
    for _, message in ipairs { { one, "a" }, { two, "b" }, { one, "c" }, { two, "d" } } do
      k:send(message[1], message[2], {})
      k:crank()
    end
    turn(k, "v1", { { resolve = { { "p+1", "follow", "p+2" } } } })
    k:send(one, "e", {})
    k:send(two, "f", {})
    k:drain()
    turn(k, "v1", { { resolve = { { "p+2", "fulfilled", { "o+0" } } } } })
    local order = {}
    for _, delivery in ipairs(k:drain()) do
      order[#order + 1] = delivery.kind == "message" and delivery.method or nil
    end
    assert.same({ "b", "d", "a", "c", "e", "f" }, order)
  end)

  it("keeps this order across a restart, and for what is parked after it", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    promises(k, 2)
    local one, two = k:kref("v1", "p+1"), k:kref("v1", "p+2")
    k:send(one, "a", {})
    k:crank()
    k:send("ko1", "turn", {})
    k:send(two, "b", {}) -- has a lower number than the moved one will have
    k:crank { syscalls = { { resolve = { { "p+1", "follow", "p+2" } } } } }
    k:crank()
    k:send(one, "c", {})
    k:crank()
    k:reopen()
    turn(k, "v1", { { resolve = { { "p+2", "fulfilled", { "o+0" } } } } })
    local order = {}
    for _, delivery in ipairs(k:drain()) do
      order[#order + 1] = delivery.kind == "message" and delivery.method or nil
    end
    assert.same({ "a", "b", "c" }, order)
  end)

  it("in a chain of 100,000 neither hangs nor overflows, nor after a restart", function()
    local count <const> = 100000
    local k = play.kernel({ "a", "b" }, nil, play.path())
    promises(k, 1)
    local chain = {}
    for i = 1, count do
      chain[i] = { "p+" .. i, "follow", "p+" .. i + 1 }
    end
    turn(k, "v1", { { resolve = chain } })
    k:reopen()
    local first = "kp" .. k:value "SELECT promise FROM subscriber"
    k:send(first, "parked", {})
    k:crank()
    assert.equal("", k:audit())
    turn(k, "v1", { { resolve = { { "p+" .. count + 1, "fulfilled", { "o+0" } } } } })
    assert.same({ "v2 notify p-1 fulfilled (@o-1)", "v1 parked () -> p-5" }, lines(k))
    assert.is_true(k:value "SELECT count(*) FROM promise" < 10)
  end)

  it("by 20,000 in any order takes no time", function()
    local count <const> = 20000
    local k = play.kernel { "a", "b" }
    promises(k, 1)
    local all, star = {}, {}
    for i = 1, count do
      local number = 100 + (i * 7919) % count
      all[i] = "p+" .. number
      star[i] = { "p+" .. number, "follow", "p+1" }
    end
    turn(k, "v1", { { send = "o-1", method = "keep", args = all } })
    turn(k, "v1", { { resolve = star } })
    local start = os.clock()
    turn(k, "v1", { { resolve = { { "p+1", "fulfilled", {} } } } })
    assert.is_true(os.clock() - start < 2)
    assert.equal(0, k:value "SELECT count(*) FROM promise WHERE follows IS NOT NULL")
  end)

  it("takes the vat's own subscription with it", function()
    local k = play.kernel { "a", "b" }
    turn(k, "v1", { { send = "o+0", method = "self", result = "p+1" }, { subscribe = "p+1" } })
    k:drain(function(delivery)
      return delivery.method == "self"
        and { syscalls = { { resolve = { { "p+1", "follow", "p+2" } } } } } or {}
    end)
    turn(k, "v1", { { resolve = { { "p+2", "fulfilled", { 1 } } } } })
    assert.same({}, lines(k))
    assert.equal(0, k:value "SELECT count(*) FROM subscriber")
  end)
end)
