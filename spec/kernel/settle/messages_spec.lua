--- Messages to promises: parked, moved and delivered in the order in which they were sent.

local play = require "spec.support.play"
local shared = require "spec.kernel.settle.shared"

local turn, promises = shared.turn, shared.promises

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
