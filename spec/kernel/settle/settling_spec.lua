--- Promises: who settles them, who is told, when they go.

local play = require "spec.support.play"
local shared = require "spec.kernel.settle.shared"

local turn, promises, lines = shared.turn, shared.promises, shared.lines

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
