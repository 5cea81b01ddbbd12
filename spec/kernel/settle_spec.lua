--- Promises: who settles them, who is told, what they follow, when they go.

local pace = require "spec.support.pace"
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

-- Three ways for a promise to settle while a message to it is parked and a younger one is queued.
local WAYS <const> = {
  object = { "fulfilled", { "o+0" } }, data = { "fulfilled", { 7 } }, reason = { "rejected", { "no" } },
}

--- Plays the same on kernels that are opened again never, or after each crank: both must deliver
-- the same and end with the same dump. The lines of what was delivered.
local function alike(scenario)
  local first, first_dump
  for _, reopen in ipairs { false, true } do
    local k = play.kernel({ "a", "b", "c", "d" }, nil, play.path(true))
    local all = {}
    scenario(k, function(outcome)
      local delivery = k:crank(outcome)
      all[#all + 1] = delivery and play.line(delivery) or nil
      if reopen then
        k:reopen():check "reopened"
      end
      return delivery
    end)
    assert.same(first or all, all)
    assert.equal(first_dump or k:dump(), k:dump())
    first, first_dump = all, k:dump()
    play.clean()
  end
  return first
end

--- Cranks up to the next turn of a vat, which does this.
local function next_turn(step, syscalls)
  repeat
    local delivery = step(function(delivery)
      return delivery.method == "turn" and { syscalls = syscalls } or {}
    end)
  until delivery and delivery.method == "turn"
end

--- All cranks; what v1 is told to do it does, and every message has an answer.
local function rest(step, syscalls)
  while true do
    local delivery = step(function(delivery)
      if delivery.method == "turn" then
        return { syscalls = syscalls[delivery.vat] }
      elseif delivery.result then
        return { syscalls = { { resolve = { { delivery.result, "fulfilled", {} } } } } }
      end
      return {}
    end)
    if delivery == false then
      return
    end
  end
end

--- The numbers in what was delivered: "m1" to v1, or a notify of v2's p+1.
local function numbers(told, pattern)
  local list = {}
  for _, line in ipairs(told) do
    local number = line:match(pattern)
    list[#list + 1] = number and math.tointeger(tonumber(number))
  end
  return list
end

local function upto(count)
  local list = {}
  for i = 1, count do
    list[i] = i
  end
  return list
end

describe("messages to a promise", function()
  after_each(play.clean)

  for name, way in pairs(WAYS) do
    local function check(told, count)
      if name == "object" then
        assert.same(upto(count), numbers(told, "^v1 m(%d+)"))
      end
      assert.same(upto(count), numbers(told, "^v2 notify p%+(%d+)"))
    end

    local function sends(vref, first, last)
      local list = {}
      for i = first, last do
        list[#list + 1] = { send = vref, method = "m" .. i, result = "p+" .. i }
        list[#list + 1] = { subscribe = "p+" .. i }
      end
      return list
    end

    it("keep their order when one is parked and one queued as it settles to " .. name, function()
      check(alike(function(k, step)
        promises(k, 1)
        turn(k, "v2", sends("p-1", 1, 1))
        k:send("ko2", "turn", {})
        k:send("ko1", "turn", {})
        next_turn(step, sends("p-1", 2, 3)) -- behind what settles it
        rest(step, { v1 = { { resolve = { { "p+1", table.unpack(way) } } } } })
      end), 3)
    end)

    it("keep it when one crank sends them all, and it settles to " .. name, function()
      check(alike(function(k, step)
        promises(k, 1)
        k:send("ko2", "turn", { "ko1" })
        local all = sends("p-1", 1, 1)
        all[#all + 1] = { send = "o-1", method = "turn" }
        table.move(sends("p-1", 2, 2), 1, 2, #all + 1, all)
        next_turn(step, all)
        rest(step, { v1 = { { resolve = { { "p+1", table.unpack(way) } } } } })
      end), 2)
    end)

    it("keep it along a chain of followers that settles to " .. name, function()
      check(alike(function(k, step)
        promises(k, 3)
        turn(k, "v2", sends("p-1", 1, 1))
        k:send("ko2", "turn", {})
        k:send("ko1", "turn", {})
        k:send("ko1", "turn", {})
        next_turn(step, sends("p-1", 2, 2))
        next_turn(step, { { resolve = { { "p+2", "follow", "p+3" }, { "p+1", "follow", "p+2" } } } })
        rest(step, { v1 = { { resolve = { { "p+3", table.unpack(way) } } } } })
      end), 2)
    end)

    it("keep it, 50 before and 50 after, among others, as it settles to " .. name, function()
      local told = alike(function(k, step)
        promises(k, 2)
        for i = 1, 50 do
          turn(k, "v2", sends("p-1", i, i))
        end
        for i = 1, 10 do
          k:send("ko3", "other" .. i, {})
          k:send(k:kref("v1", "p+2"), "x" .. i, {})
        end
        k:send("ko2", "turn", {})
        k:send("ko1", "turn", {})
        next_turn(step, sends("p-1", 51, 100))
        k:send("ko3", "other11", {})
        rest(step, { v1 = { { resolve = { { "p+1", table.unpack(way) }, { "p+2", "follow", "p+1" } } } } })
      end)
      check(told, 100)
      assert.same(upto(11), numbers(told, "^v3 other(%d+)"))
    end)
  end

  it("keep it when what they wait for is moved and moved again, with some still queued", function()
    local told = alike(function(k, step)
      promises(k, 3)
      local kref = { k:kref("v1", "p+1"), k:kref("v1", "p+2"), k:kref("v1", "p+3") }
      local syscalls = {
        { { resolve = { { "p+1", "follow", "p+2" } } } }, { { resolve = { { "p+2", "follow", "p+3" } } } },
        { { resolve = { { "p+3", "fulfilled", { "o+0" } } } } },
      }
      k:send(kref[1], "a1", {}) -- is parked, moves behind b1, and must not stay behind a2
      for i = 1, 3 do
        k:send("ko1", "turn", {})
        for which, letter in ipairs { "a", "b", "c" } do
          k:send(kref[which], letter .. (which == 1 and i + 1 or i), {})
        end
      end
      for i = 1, 3 do
        next_turn(step, syscalls[i])
      end
      rest(step, {})
    end)
    assert.same(upto(4), numbers(told, "^v1 a(%d+)"))
    assert.same(upto(3), numbers(told, "^v1 b(%d+)"))
    assert.same(upto(3), numbers(told, "^v1 c(%d+)"))
  end)

  it("are counted as before when the crank that sends or settles is undone", function()
    local k = play.kernel { "a", "b" }
    promises(k, 1)
    turn(k, "v2", { { send = "p-1", method = "m1" } })
    k:send("ko2", "turn", {})
    k:crank { fault = "time", syscalls = { { send = "p-1", method = "lost" } } }
    k:send("ko1", "turn", {})
    k:send(k:kref("v1", "p+1"), "m2", {})
    k:send("ko1", "turn", {})
    k:crank { fault = "time", syscalls = { { resolve = { { "p+1", "fulfilled", { "o+0" } } } } } }
    k:crank() -- m2 is parked
    k:send(k:kref("v1", "p+1"), "m3", {})
    local told = play.lines(k:drain(function(delivery)
      return delivery.method == "turn"
        and { syscalls = { { resolve = { { "p+1", "fulfilled", { "o+0" } } } } } } or {}
    end))
    assert.same({ 1, 2, 3 }, numbers(told, "^v1 m(%d+)"))
  end)

  it("are counted in the file by an index, in one that was brought up to date too", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    promises(k, 1)
    local kref = k:kref("v1", "p+1")
    k:make_format_1()
    k:reopen()
    local plan = k:sql("EXPLAIN QUERY PLAN SELECT count(*) FROM queue WHERE target = '" .. kref
      .. "' AND target >= 'kp' AND kind = 'message' AND on_promise IS NULL")
    assert.equal(1, #plan)
    assert.is_truthy(plan[1][4]:find("SEARCH queue USING .*INDEX queue_to_promise %(target=%?%)"), plan[1][4])
  end)

  for seed = 1, 6 do
    it("keep each sender's order, whatever happens: " .. seed, function()
      local told = alike(function(k, step)
        math.randomseed(seed)
        local count <const> = 8
        promises(k, count, { "v2", "v3" })
        turn(k, "v1", {}, { "ko4" })
        local open, knows, sent, names = {}, { v2 = {}, v3 = {} }, {}, { v2 = {}, v3 = {} }
        for i = 1, count do
          open[i], knows.v2["p-" .. i], knows.v3["p-" .. i] = "p+" .. i, i, i
        end
        local far = k:vref("v1", "ko4")
        local next_result = { v2 = 100, v3 = 100 }
        local function send_some(vat)
          local list = {}
          for _ = 1, math.random(0, 3) do
            local vref = "p-" .. math.random(count)
            if knows[vat][vref] then
              local line = vat .. vref
              sent[line] = (sent[line] or 0) + 1
              local result = "p+" .. next_result[vat]
              next_result[vat] = next_result[vat] + 1
              names[vat][result] = line .. "#" .. sent[line]
              list[#list + 1] = { send = vref, method = line .. "#" .. sent[line], result = result }
              list[#list + 1] = { subscribe = result }
            end
          end
          return list
        end
        local function settle_one()
          if #open == 0 or math.random() < 0.5 then
            return {}
          end
          local vref = table.remove(open, math.random(#open))
          local other = #open > 0 and open[math.random(#open)]
          local ways = { { "fulfilled", { "o+0" } }, { "fulfilled", { far } }, { "fulfilled", { 7 } },
            { "rejected", { "no" } }, other and { "follow", other }, other and { "follow", other } }
          return { { resolve = { { vref, table.unpack(ways[math.random(#ways)]) } } } }
        end
        local last, suspended = {}, false
        local function seen(what, name)
          local line, number = name:match "^(.*)#(%d+)$"
          number = tonumber(number)
          assert((last[what .. line] or 0) < number, what .. name .. " comes too late")
          last[what .. line] = number
        end
        local function outcome(delivery)
          local method, vat = delivery.method, delivery.vat
          if method == "turn" then
            return { syscalls = vat == "v1" and settle_one() or send_some(vat) }
          elseif method then
            seen("message ", method)
            return { syscalls = { { resolve = { { delivery.result, "fulfilled", {} } } } } }
          end
          for _, settlement in ipairs(delivery.settlements or {}) do
            if names[vat][settlement.promise] then
              seen("answer ", names[vat][settlement.promise])
            end
            knows[vat][settlement.promise] = nil
          end
          return {}
        end
        for _ = 1, 40 do
          for _ = 1, math.random(0, 4) do
            k:send("ko" .. math.random(3), "turn", {})
          end
          for _ = 1, math.random(0, 6) do
            step(outcome)
          end
          if math.random() < 0.1 then
            k[suspended and "resume" or "suspend"](k, "v4")
            suspended = not suspended
          end
        end
        if suspended then
          k:resume "v4"
        end
        while step(outcome) ~= false do end -- luacheck: ignore 542
        for line, number in pairs(sent) do
          assert(#open > 0 or last["answer " .. line] == number, line .. " lacks answers")
        end
      end)
      assert.is_true(#told > 60)
    end)
  end
end)
