--- The queue: order, across restarts and however long it is.

local pace = require "spec.support.pace"
local play = require "spec.support.play"

local function methods(deliveries)
  local list = {}
  for _, delivery in ipairs(deliveries) do
    list[#list + 1] = delivery.method
  end
  return list
end

local function numbers(first, last)
  local list = {}
  for i = first, last do
    list[#list + 1] = "m" .. i
  end
  return list
end

--- So many deliveries at the most, without an audit after each crank.
local function drain(k, most)
  local list = {}
  while #list < (most or math.huge) do
    local step, delivery = k:begin()
    if step == "idle" then
      break
    end
    assert(step ~= "stopped", k:stopped())
    if delivery then
      list[#list + 1] = delivery
      k:finish {}
    end
  end
  return list
end

describe("the run queue", function()
  after_each(play.clean)

  it("keeps its order over several rings and loads", function()
    local k = play.kernel({ "a" }, nil, play.path())
    for i = 1, 3500 do
      k:send("ko1", "m" .. i, {})
    end
    k:reopen()
    local first = drain(k, 100)
    for i = 3501, 3600 do -- younger than what is still in the file alone
      k:send("ko1", "m" .. i, {})
    end
    local second = drain(k, 1000)
    k:reopen()
    k:send("ko1", "m3601", {})
    local third = drain(k)
    assert.same(numbers(1, 100), methods(first))
    assert.same(numbers(101, 1100), methods(second))
    assert.same(numbers(1101, 3601), methods(third))
    k:check()
    assert.equal(0, k:value "SELECT count(*) FROM queue")
  end)

  it("is as long as what is in the file and in memory", function()
    local k = play.kernel({ "a" }, nil, play.path())
    for i = 1, 1024 do
      k:send("ko1", "m" .. i, {})
    end
    k:reopen()
    k:send("ko1", "m1025", {})
    assert.same(numbers(1, 1025), methods(drain(k)))
  end)

  it("is not read by an opening, however long it is", function()
    local k = play.kernel({ "a" }, nil, play.path())
    for i = 1, 30000 do
      k:release(k:send("ko1", "m" .. i, {}))
    end
    k:begin()
    k:finish {}
    k:reopen()
    local start = os.clock()
    for _ = 1, 60 do
      k:reopen()
    end
    assert.is_true(os.clock() - start < pace.seconds(0.15), os.clock() - start)
    assert.same({ "m2", "m3" }, methods(drain(k, 2)))
  end)

  it("is as before when a crank of many sends is undone, at every fill of the ring", function()
    local k = play.kernel { "a" }
    local sent, syscalls = 0, {}
    for i = 1, 300 do
      syscalls[i] = { send = "o+0", method = "lost" }
    end
    for _ = 1, 12 do
      for _ = 1, 47 do
        sent = sent + 1
        k:send("ko1", "m" .. sent, {})
      end
      k:begin()
      assert.is_false(k:finish { fault = "time", syscalls = syscalls })
    end
    assert.same(numbers(13, sent), methods(drain(k)))
    k:check()
  end)

  it("keeps a long queue behind an undone crank of sends", function()
    local k = play.kernel({ "a" }, nil, play.path())
    for i = 1, 2500 do
      k:send("ko1", "m" .. i, {})
    end
    k:reopen()
    local syscalls = {}
    for i = 1, 2000 do
      syscalls[i] = { send = "o+0", method = "late" .. i }
    end
    -- what the process before held goes in cranks of its own
    local function begin()
      repeat until k:begin() == "deliver"
    end
    begin()
    k:finish { fault = "time" }
    begin()
    assert.is_true(k:finish { syscalls = syscalls })
    local all = methods(drain(k))
    local wanted = numbers(3, 2500)
    for i = 1, 2000 do
      wanted[#wanted + 1] = "late" .. i
    end
    assert.same(wanted, all)
  end)
end)

describe("what is parked", function()
  after_each(play.clean)

  it("on a promise comes back in order after a restart", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:send("ko1", "go", {})
    k:crank { syscalls = { { send = "o+0", method = "open", args = { "p+1" } } } }
    k:crank()
    local kref = k:kref("v1", "p+1")
    for i = 1, 1500 do
      k:send(kref, "m" .. i, {})
    end
    drain(k)
    k:reopen()
    for i = 1501, 1600 do
      k:send(kref, "m" .. i, {})
    end
    drain(k)
    k:reopen()
    k:send("ko1", "settle", {})
    k:crank { syscalls = { { resolve = { { "p+1", "fulfilled", { "o+0" } } } } } }
    k:reopen()
    assert.same(numbers(1, 1600), methods(drain(k)))
    k:check()
  end)

  it("with a vat comes back in order after a restart", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:suspend "v1"
    for i = 1, 1500 do
      k:send("ko1", "m" .. i, {})
    end
    drain(k)
    k:reopen()
    k:send("ko1", "m1501", {})
    drain(k)
    k:resume "v1"
    k:reopen()
    assert.same(numbers(1, 1501), methods(drain(k)))
    k:check()
  end)

  it("takes back what a vat had waiting to its old place, in memory and in the file", function()
    for _, reopen in ipairs { {}, { [3] = true }, { [2] = true, [4] = true } } do
      local k = play.kernel({ "a", "b" }, nil, play.path())
      local step = 0
      local function next_step()
        step = step + 1
        if reopen[step] then
          k:reopen()
        end
      end
      for i = 1, 40 do
        k:send(i % 2 == 0 and "ko1" or "ko2", "m" .. i, {})
      end
      next_step()
      k:suspend "v1"
      k:suspend "v2"
      drain(k, 11) -- all step as they are parked
      k:resume "v2"
      next_step()
      local first = drain(k, 2)
      next_step()
      k:send("ko1", "m41", {})
      k:resume "v1"
      next_step()
      k:check()
      assert.same({ "m1", "m3" }, methods(first))
      local rest = methods(drain(k))
      table.move(rest, 1, #rest, 3, first)
      local seen = { methods(first), {}, {} }
      for _, method in ipairs(rest) do
        local number = math.tointeger(tonumber(method:sub(2)))
        table.insert(seen[2 + number % 2], number)
      end
      for i = 2, 3 do
        local sorted = table.move(seen[i], 1, #seen[i], 1, {})
        table.sort(sorted)
        assert.same(sorted, seen[i])
      end
      assert.equal(41, #rest + 2)
    end
  end)

  it("comes back to its old place also after cranks that took it and were undone", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:suspend "v1"
    for i = 1, 60 do
      k:send(i % 3 == 0 and "ko2" or "ko1", "m" .. i, {})
    end
    drain(k, 15) -- those of v1 are parked, up to m46
    k:resume "v1"
    k:check()
    local took = {}
    for _ = 1, 45 do
      local _, delivery = k:begin()
      took[#took + 1] = delivery.method
      -- a limit: the crank is undone, and the message rejected in its place
      assert.is_false(k:finish { fault = "time", syscalls = { { send = "o+0", method = "lost" } } })
      k:check()
    end
    local wanted = {}
    for i = 1, 60 do
      wanted[#wanted + 1] = (i % 3 ~= 0 or i > 45) and "m" .. i or nil
    end
    assert.same(wanted, took)
    assert.equal(0, k:value "SELECT count(*) FROM queue")
  end)

  it("of one promise after the other takes no longer when many older messages wait", function()
    local promises <const>, others <const> = 2000, 40000
    local k = play.kernel({ "a", "b" })
    local all, kref = {}, {}
    for i = 1, promises do
      all[i] = "p+" .. i
    end
    k:send("ko1", "go", {})
    k:crank { syscalls = { { send = "o+0", method = "open", args = all } } }
    drain(k)
    for _, row in ipairs(k:sql "SELECT vref, kref FROM clist WHERE vat = 1 AND vref LIKE 'p+%'") do
      kref[row[1]] = row[2]
    end
    k:suspend "v1"
    for i = 1, promises + others do
      k:send("ko1", i <= promises and "p+" .. i or "other", {})
    end
    drain(k)
    for _, name in ipairs { "old", "young" } do
      for i = 1, promises do
        k:send(kref["p+" .. i], name, {})
      end
      if name == "old" then
        drain(k)
      end
    end
    k:resume "v1"
    local start = os.clock()
    for i = 1, promises do
      local _, delivery = k:begin()
      assert.equal("p+" .. i, delivery.method)
      assert.is_true(k:finish { syscalls = { { resolve = { { delivery.method, "fulfilled", { "o+0" } } } } } })
    end
    assert.is_true(os.clock() - start < pace.seconds(0.5), os.clock() - start)
  end)
end)
