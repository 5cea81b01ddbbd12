--- A crank is all or nothing, and what becomes of a vat that faults is its policy's to say.

local play = require "spec.support.play"

local EXCEEDED <const> = "delivery exceeded its time limit"

local function fault(kind)
  return { fault = kind or "time", reason = EXCEEDED }
end

local function state(k, vat)
  return k:value("SELECT state FROM vat WHERE id = " .. vat:sub(2))
end

--- v1 with a policy, v2; v1 waits for the answer of v2, which is on its way.
local function waiting(options)
  local k = play.kernel({ "a", "b" }, { a = options })
  k:send("ko1", "go", { "ko2" })
  k:crank { syscalls = { { send = "o-1", result = "p+1" }, { subscribe = "p+1" } } }
  k:crank(function(delivery)
    return { syscalls = { { resolve = { { delivery.result, "fulfilled", { 7 } } } } } }
  end)
  return k
end

describe("a fault", function()
  after_each(play.clean)

  for _, kind in ipairs { "time", "memory", "instructions", "broken" } do
    it(("of %s rejects the message, and the next one works"):format(kind), function()
      local k = play.kernel { "a", "b" }
      local result = k:send("ko1", "loop", { "ko2" })
      local before = k:section "clists"
      local delivery = k:crank(fault(kind))
      assert.is_false(delivery.kept)
      assert.same({ "rejected", ('Error {name = "BudgetExceeded", message = "%s"}'):format(EXCEEDED) },
        { k:outcome(result) })
      assert.same(before, k:section "clists")
      assert.equal("running", state(k, "v1"))
      assert.equal(EXCEEDED, (k:value "SELECT fault FROM vat WHERE id = 1"))
      k:send("ko1", "next", {})
      assert.equal("v1 next () -> p-1", play.line(k:crank()))
    end)
  end

  it("in a notify delivers it once more as exceeded, and a second one suspends the vat", function()
    local k = waiting()
    local first = k:crank(fault())
    assert.is_false(first.budget_exceeded)
    local second = k:crank(fault())
    assert.is_true(second.budget_exceeded)
    assert.equal(play.line(first), play.line(second))
    assert.equal("suspended", state(k, "v1"))
    assert.same({}, k:drain())
    k:resume "v1"
    assert.same({ "v1 notify p+1 fulfilled (7)" }, play.lines(k:drain()))
  end)

  it("in a notify that succeeds as exceeded is over", function()
    local k = waiting()
    k:crank(fault())
    assert.is_true(k:crank().budget_exceeded)
    assert.equal("running", state(k, "v1"))
    assert.is_false(k:crank())
  end)

  it("suspends where that is the policy, and the item is the first when the vat is resumed", function()
    local k = waiting { on_fault = "suspend" }
    k:send("ko1", "later", {})
    k:crank(fault())
    assert.equal("suspended", state(k, "v1"))
    k:crank()
    k:resume "v1"
    assert.same({ "v1 notify p+1 fulfilled (7)", "v1 later () -> p-2" }, play.lines(k:drain()))
  end)

  it("terminates where that is the policy", function()
    local k = play.kernel({ "a", "b" }, { a = { on_fault = "terminate" } })
    local result = k:send("ko1", "loop", {})
    k:crank(fault())
    assert.equal("terminated", state(k, "v1"))
    assert.same({ "rejected", 'Error {name = "VatTerminated", message = "vat terminated"}' },
      { k:outcome(result) })
  end)

  it("of a critical vat stops the kernel, and leaves the cranks before", function()
    for _, outcome in ipairs {
      fault(), { syscalls = { { send = "o-9" } } }, { syscalls = { { exit = true } } },
      { syscalls = { { exit = true, failure = true } } },
    } do
      local k = play.kernel({ "a", "b" }, { a = { critical = true, on_fault = "terminate" } }, play.path())
      k:send("ko2", "before", {})
      k:crank()
      k:send("ko1", "end", {})
      local before = k:dump()
      k:begin()
      assert.is_false(k:finish(outcome))
      assert.is_truthy(k:stopped():find('the critical vat "a" ended', 1, true))
      assert.equal("stopped", (k:begin()))
      assert.equal(before, k:dump())
      assert.is_true(k:commit())
      k:reopen()
      assert.equal(before, k:dump())
      assert.equal("v1 end () -> p-1", play.line(k:crank()))
      play.clean()
    end
  end)

  it("of a critical vat that goes on does not stop it", function()
    local k = play.kernel({ "a" }, { a = { critical = true } })
    k:send("ko1", "loop", {})
    k:crank(fault())
    assert.is_nil(k:stopped())
  end)

  it("in bring_out_your_dead leaves the queue alone", function()
    local k = play.kernel({ "a", "b" }, { a = { reap_interval = 1 } })
    k:send("ko1", "one", {})
    k:crank()
    k:send("ko2", "two", {})
    local delivery = k:crank(fault())
    assert.equal("bring_out_your_dead", delivery.kind)
    local methods = {}
    for _, later in ipairs(k:drain()) do
      methods[#methods + 1] = later.method
    end
    assert.same({ "two" }, methods)
  end)
end)

describe("a vat that cannot be brought back", function()
  after_each(play.clean)

  it("fails with the reason, and its items wait in order", function()
    local k = play.kernel { "a", "b" }
    for i = 1, 3 do
      k:send("ko1", "m" .. i, {})
    end
    local before = k:section "clists"
    assert.equal("deliver", (k:begin()))
    k:cannot_load "no such file"
    k:check()
    assert.same(before, k:section "clists")
    assert.same({ { "failed", "no such file" } }, k:sql "SELECT state, fault FROM vat WHERE id = 1")
    assert.same({}, k:drain())
    assert.equal(3, k:value "SELECT count(*) FROM queue WHERE on_vat = 1")
    assert.is_true(k:resume "v1")
    local methods = {}
    for i, delivery in ipairs(k:drain()) do
      methods[i] = delivery.method
    end
    assert.same({ "m1", "m2", "m3" }, methods)
  end)
end)

describe("what the host holds", function()
  after_each(play.clean)

  it("is let go at the next crank's begin, and counts are as before", function()
    local k = play.kernel { "a" }
    local before = k:dump():gsub("promise %d+", ""):gsub("seq %d+", "")
    k:hold "ko1"
    k:hold "ko1"
    assert.equal("host\t\t2 times\nclist\tv1\to+0 reachable\n",
      (k:holders "ko1":gsub("(clist.*\n)(host.*)", "%2%1")))
    k:release "ko1"
    k:release "ko1"
    k:release "ko1" -- once more than it is held
    assert.is_false(k:crank())
    assert.equal(before, (k:dump():gsub("promise %d+", ""):gsub("seq %d+", "")))
    assert.same({ { 0, 0 } }, k:sql "SELECT reachable, recognizable FROM object")
  end)

  it("does not outlive the process", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:hold "ko1"
    k:pin "ko1"
    local result = k:send("ko1", "m", {})
    k:crank(function(delivery)
      return { syscalls = { { resolve = { { delivery.result, "fulfilled", {} } } } } }
    end)
    k:reopen()
    assert.is_false(k:exists(result))
    assert.same({ { "pin", 1 } }, k:sql "SELECT kind, count FROM hold")
    assert.is_true(k:unpin "ko1")
    assert.is_false(k:unpin "ko1")
    k:check()
  end)
end)
