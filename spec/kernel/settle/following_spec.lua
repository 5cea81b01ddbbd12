--- Promises: what they follow.

local pace = require "spec.support.pace"
local play = require "spec.support.play"
local shared = require "spec.kernel.settle.shared"

local turn, promises, lines = shared.turn, shared.promises, shared.lines

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
    local count <const> = pace.rounds(100000)
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
    assert.is_true(os.clock() - start < pace.seconds(2))
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
