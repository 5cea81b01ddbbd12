--- Where a message goes: the routing table, row by row, and the order of what waits.

local play = require "spec.support.play"

-- v1 is ko1, v2 is ko2, v3 is ko3: the roots.
local function three()
  return play.kernel { "a", "b", "c" }
end

local function answer(values)
  return function(delivery)
    return delivery.result
      and { syscalls = { { resolve = { { delivery.result, "fulfilled", values or {} } } } } }
  end
end

--- Resolves a new promise of v1 that v2 knows, and gives its kref: the host tells v1 to make it.
local function promise_of_a(k)
  local before = k:value "SELECT max(id) FROM promise" or 0
  k:send("ko1", "make", { "ko2" })
  k:crank { syscalls = { { send = "o-1", args = { "p+1" } } } }
  k:crank()
  return "kp" .. k:value("SELECT min(id) FROM promise WHERE decider = 1 AND id > "
    .. before .. " + 1")
end

local function settle_as_a(k, ...)
  k:send("ko1", "settle", {})
  k:crank { syscalls = { { resolve = { { "p+1", ... } } } } }
end

describe("a message to an object", function()
  after_each(play.clean)

  it("is delivered to the owner, who becomes the result's decider", function()
    local k = three()
    local result = k:send("ko2", "hello", { "ko1", 5, "text", true, 1.5 })
    assert.same({ false }, k:sql("SELECT decider FROM promise")[1])
    local delivery = k:crank()
    assert.equal('v2 hello (@o-1, 5, "text", true, 1.5) -> p-1', play.line(delivery))
    assert.equal("o+0", delivery.target)
    assert.equal(2, k:value("SELECT decider FROM promise WHERE id = " .. result:sub(3)))
  end)

  it("gives one import for one object, and another for another", function()
    local k = three()
    k:send("ko2", "hello", { "ko1", "ko3", "ko1", "ko2" })
    assert.same({ "o-1", "o-2", "o-1", "o+0" }, k:crank().slots)
    k:send("ko2", "hello", { "ko3" })
    assert.same({ "o-2" }, k:crank().slots)
  end)

  it("is splatted when the owner has ended, is abandoned, or was revoked", function()
    local k = three()
    k:send("ko1", "take", { "ko2" })
    k:crank { syscalls = { { send = "o-1", args = { "o+7 Thing" } } } }
    k:crank() -- v2 knows ko4 now
    k:pin "ko4"
    k:pin "ko3"
    k:send("ko1", "leave", {})
    k:crank { syscalls = { { abandon_exports = { "o+7" } } } }
    local abandoned = k:send("ko4", "m", {})
    assert.is_nil(k:crank())
    assert.same({ "rejected", 'Error {name = "ObjectAbandoned", message = "object abandoned"}' },
      { k:outcome(abandoned) })
    k:terminate "v3"
    local ended = k:send("ko3", "m", {})
    assert.is_nil(k:crank())
    assert.same({ "rejected", 'Error {name = "VatTerminated", message = "vat terminated"}' },
      { k:outcome(ended) })
    k:revoke "ko2"
    local revoked = k:send("ko2", "m", {})
    assert.same({}, k:drain())
    assert.same({ "rejected", 'Error {name = "ObjectRevoked", message = "object revoked"}' },
      { k:outcome(revoked) })
  end)

  it("waits with a suspended vat, in order, and notifies and messages keep it", function()
    local k = three()
    k:send("ko1", "call", { "ko2" })
    k:crank { syscalls = {
      { send = "o-1", method = "ask", result = "p+1" }, { subscribe = "p+1" },
    } }
    k:suspend "v1"
    k:send("ko1", "first", {})
    k:crank(answer { 1 }) -- v2 answers: a notify for v1
    k:crank()             -- first waits
    k:send("ko1", "third", {})
    assert.same({}, k:drain())
    assert.equal(3, k:value "SELECT count(*) FROM queue WHERE on_vat = 1")
    k:resume "v1"
    assert.same({ "v1 first () -> p-1", "v1 notify p+1 fulfilled (1)", "v1 third () -> p-2" },
      (function()
        local lines = play.lines(k:drain())
        -- the numbers of the results follow the first message's own
        for i, line in ipairs(lines) do
          lines[i] = line:gsub("%-> p%-(%d+)", function(n) return "-> p-" .. n - 1 end)
        end
        return lines
      end)())
  end)
end)

describe("a message to a promise", function()
  after_each(play.clean)

  it("waits while it is unresolved, in order, and goes on when it settles", function()
    local k = three()
    local promise = promise_of_a(k)
    for i = 1, 5 do
      k:send(promise, "m" .. i, {})
      assert.is_nil(k:crank())
    end
    assert.equal(5, k:value("SELECT count(*) FROM queue WHERE on_promise = " .. promise:sub(3)))
    settle_as_a(k, "fulfilled", { "o+0" })
    local methods = {}
    for i, delivery in ipairs(k:drain()) do
      methods[i] = delivery.vat .. delivery.method
    end
    assert.same({ "v1m1", "v1m2", "v1m3", "v1m4", "v1m5" }, methods)
  end)

  it("goes to the one object that it is fulfilled with, or is splatted", function()
    for _, case in ipairs {
      { "fulfilled", { "o+0" }, "v1 m ()" },
      { "fulfilled", { 5 }, nil, "NotCallable", "data is not callable, has no method m" },
      { "fulfilled", {}, nil, "NotCallable", "data is not callable, has no method m" },
      { "fulfilled", { "o+0", "o+0" }, nil, "NotCallable", "data is not callable, has no method m" },
      { "fulfilled", { "p+7" }, nil, "NotCallable", "data is not callable, has no method m" },
      { "rejected", { "why" }, nil, '"why"' },
    } do
      local k = three()
      local promise = promise_of_a(k)
      k:hold(promise)
      local early = k:send(promise, "m", {})
      k:crank()
      settle_as_a(k, case[1], case[2])
      local late = k:send(promise, "m", {})
      for _, result in ipairs { early, late } do
        local delivery = k:crank()
        assert.equal(case[3], delivery and play.line(delivery):gsub(" %->.*", ""))
        if not case[3] then
          local state, text = k:outcome(result)
          assert.equal("rejected", state)
          assert.is_truthy(text:find(case[4], 1, true), text)
          assert.is_truthy(text:find(case[5] or "", 1, true), text)
        end
      end
      assert.same({}, k:drain())
      play.clean()
    end
  end)

  it("is splatted when the body claims an object that its slots do not have", function()
    local k = three()
    local promise = promise_of_a(k)
    local result = k:send(promise, "m", {})
    k:crank()
    k:send("ko1", "settle", {})
    k:crank { syscalls = { { resolve = { { "p+1", "fulfilled", {},
      body = "\x81\xd9\xd9\xf8\x82\x05\x60" } } } } }
    k:crank()
    assert.equal("rejected", (k:outcome(result)))
  end)

  it("pipelines: a chain of calls on results, each delivered when the one before is known", function()
    local k = three()
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = {
      { send = "o-1", method = "b", result = "p+1" },
      { send = "p+1", method = "c", result = "p+2" },
      { send = "p+2", method = "d", result = "p+3" },
      { subscribe = "p+1" }, { subscribe = "p+2" }, { subscribe = "p+3" },
    } }
    local lines = play.lines(k:drain(function(delivery)
      return delivery.kind == "message" and answer { delivery.target }(delivery) or {}
    end))
    assert.same({ "v2 b () -> p-1", "v2 c () -> p-2", "v2 d () -> p-3",
      "v1 notify p+1 fulfilled (@o-1)", "v1 notify p+2 fulfilled (@o-1)",
      "v1 notify p+3 fulfilled (@o-1)" }, lines)
    assert.equal(1, k:value "SELECT count(*) FROM promise") -- the host's
  end)

  it("has the reason of the middle in every later result when the middle rejects", function()
    local k = three()
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = {
      { send = "o-1", method = "b", result = "p+1" },
      { send = "p+1", method = "c", result = "p+2" },
      { send = "p+2", method = "d", result = "p+3" },
      { subscribe = "p+2" }, { subscribe = "p+3" },
    } }
    local lines = play.lines(k:drain(function(delivery)
      return delivery.kind == "message"
        and { syscalls = { { resolve = { { delivery.result, "rejected", { "no" } } } } } } or {}
    end))
    assert.same({ "v2 b () -> p-1", 'v1 notify p+2 rejected ("no")',
      'v1 notify p+3 rejected ("no")' }, lines)
  end)

  for _, count in ipairs { 1, 2, 3, 5, 50 } do
    it(("keeps order and counts with %d sends pipelined"):format(count), function()
      local k = three()
      local function baseline()
        return (k:dump():gsub("seq %d+", ""):gsub("promise %d+", "")
          :gsub("v%d [^\n]*running[^\n]*", ""))
      end
      local before
      for round = 0, 1 do
        local first = round * 100 + 1
        local result = k:send("ko1", "go", { "ko2" })
        k:crank(function(delivery)
          local syscalls = { { send = "o-1", method = "get", result = "p+" .. first },
            { subscribe = "p+" .. first } }
          for i = 1, count do
            local vref = "p+" .. first + i
            syscalls[#syscalls + 1] = { send = "p+" .. first, method = "m" .. i, result = vref }
            syscalls[#syscalls + 1] = { subscribe = vref }
          end
          syscalls[#syscalls + 1] = { resolve = { { delivery.result, "fulfilled", {} } } }
          return { syscalls = syscalls }
        end)
        local order = {}
        for _, delivery in ipairs(k:drain(function(delivery)
          return answer { delivery.target }(delivery)
        end)) do
          order[#order + 1] = delivery.method or delivery.settlements[1].promise
        end
        local wanted = { "get" }
        for i = 1, count do
          wanted[#wanted + 1] = "m" .. i
        end
        for i = 0, count do
          wanted[#wanted + 1] = "p+" .. first + i
        end
        assert.same(wanted, order)
        k:release(result)
        assert.equal(before or baseline(), baseline())
        before = baseline()
      end
    end)
  end
end)
