--- Cleaning up after a vat: in parts, while others go on, and across restarts.

local pace = require "spec.support.pace"
local play = require "spec.support.play"

--- v1 has this many exports that v2 knows, promises that v2 waits for, and rows.
local function large(count, path)
  local k = play.kernel({ "a", "b", "c" }, nil, path)
  local args, changes = {}, {}
  for i = 1, count do
    args[#args + 1] = "o+" .. i
    args[#args + 1] = "p+" .. i
    changes[i] = { key = "k" .. i, after = "v" }
  end
  k:send("ko1", "go", { "ko2" })
  k:crank { syscalls = { { send = "o-1", args = args } }, changes = changes }
  local subscribe = {}
  for i = 1, count do
    subscribe[i] = { subscribe = "p-" .. i }
  end
  k:crank { syscalls = subscribe }
  return k
end

--- All cranks, without an audit after each.
local function drain(k)
  local list = {}
  local step, delivery
  repeat
    step, delivery = k:begin()
    if step == "deliver" then
      list[#list + 1] = delivery
      k:finish {}
    end
  until step == "idle"
  k:check "at rest"
  return list
end

local function rows(k)
  return k:value [[SELECT (SELECT count(*) FROM clist WHERE vat = 1) + (SELECT count(*) FROM vatstore)
    + (SELECT count(*) FROM transcript WHERE vat = 1) + (SELECT count(*) FROM promise WHERE decider = 1)]]
end

describe("cleaning up", function()
  after_each(play.clean)

  it("is done in parts, with others' messages between them", function()
    local k = large(2500)
    k:terminate "v1"
    k:check()
    local before, most, served = rows(k), 0, 0
    for _ = 1, 10 do
      local delivery = k:crank()
      served = served + (delivery and #delivery.settlements or 0)
      most = math.max(most, before - rows(k))
      before = rows(k)
    end
    assert.is_true(most > 0 and most <= 1000, most .. " rows went in one crank")
    assert.is_true(before > 0 and served > 0, before .. " left, " .. served .. " served")
    for _, delivery in ipairs(drain(k)) do
      for _, settlement in ipairs(delivery.settlements or {}) do
        assert.equal("rejected", settlement.state)
        served = served + 1
      end
    end
    assert.equal(2500, served)
    assert.equal(0, rows(k))
    assert.is_nil(k:value "SELECT 1 FROM vat WHERE id = 1")
  end)

  it("comes to the same with restarts between", function()
    local function play_it(reopen)
      local k = large(1200, play.path())
      k:terminate "v3"
      k:terminate "v1"
      k:send("ko2", "m", {})
      for _ = 1, 10 do
        if reopen then
          k:reopen()
        end
        k:crank()
      end
      drain(k)
      return k:dump()
    end
    assert.equal(play_it(false), play_it(true))
  end)

  for _, order in ipairs { { "v1", "v2" }, { "v2", "v1" } } do
    it("lets a bundle go with its last vat, " .. order[2], function()
      local k = play.kernel({ "a", "b" })
      k:terminate(order[1])
      repeat
        k:crank()
      until k:value "SELECT count(*) FROM vat" == 1
      assert.equal(1, k:value "SELECT count(*) FROM bundle")
      k:terminate(order[2])
      drain(k)
      assert.equal(0, k:value "SELECT count(*) FROM vat")
      assert.equal(0, k:value "SELECT count(*) FROM bundle")
    end)
  end

  it("refuses what comes for the vat meanwhile", function()
    local k = large(1500)
    local object = k:kref("v1", "o+7")
    k:terminate "v1"
    assert.is_false(k:terminate "v1")
    assert.is_false(k:suspend "v1")
    assert.is_false(k:resume "v1")
    k:crank()
    local result = k:send(object, "m", {})
    drain(k)
    local state, text = k:outcome(result)
    assert.equal("rejected", state)
    assert.is_truthy(text:find("VatTerminated", 1, true))
  end)

  it("of many vats takes no longer when the queue is long", function()
    local vats <const> = 300
    local k = play.kernel { "a" }
    for i = 1, vats do
      k:start("b" .. i)
    end
    for _ = 1, 40000 do
      k:send("ko1", "m", {})
    end
    k:commit()
    local start = os.clock()
    for i = 1, vats do
      k:terminate("v" .. i + 1)
    end
    assert.is_true(os.clock() - start < pace.seconds(0.1), os.clock() - start)
  end)

  it("of many vats takes no longer when there are many objects", function()
    local vats <const> = 600
    local k = play.kernel { "a" }
    for i = 1, vats do
      k:start("b" .. i)
    end
    for batch = 0, 3 do
      local args = {}
      for i = 1, 10000 do
        args[i] = "o+" .. batch * 10000 + i
      end
      k:send("ko1", "go", {})
      k:crank { syscalls = { { send = "o+0", method = "keep", args = args } } }
    end
    k:suspend "v1" -- the messages wait with it, and keep the objects
    drain(k)
    k:commit()
    for i = 1, vats do
      k:terminate("v" .. i + 1)
    end
    local start = os.clock()
    repeat until k:begin() == "idle"
    assert.is_true(os.clock() - start < pace.seconds(0.15), os.clock() - start)
    assert.equal(1, k:value "SELECT count(*) FROM vat")
    assert.equal(40000 + 1, k:value "SELECT count(*) FROM object")
  end)

  it("of one vat after the other takes no longer when there are many vats", function()
    local rounds <const> = 100
    local k = play.kernel {}
    for i = 1, 8000 do
      k:start("b" .. i)
    end
    k:commit()
    local start = os.clock()
    for i = 1, rounds do
      k:terminate((k:start("c" .. i)))
      repeat until k:begin() == "idle"
    end
    assert.is_true(os.clock() - start < pace.seconds(0.05), os.clock() - start)
    assert.equal(8000, k:value "SELECT count(*) FROM vat")
  end)
end)
