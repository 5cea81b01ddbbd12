--- Upgrades: a vat goes on with new code, or as if nothing had been tried.

local play = require "spec.support.play"

--- v2 with parameters; it has a durable object and a plain one, which v1 imports, decides a promise
-- that v1 waits for, and keeps v1's root in its baggage.
local function two(path)
  local k = play.kernel({ "a" }, nil, path)
  k:start("b", { parameters = { "ko1", 5 } })
  k:send("ko2", "go", {})
  k:crank { syscalls = { { send = "o-1", args = { "p+1", "o+1 Plain", "o+d1/1 Durable", "o+0" } } },
    changes = { { space = "durable", key = "d", after = "\x81\x05", slots = { "o-1" } },
      { space = "durable", key = "tr" .. string.pack(">I8", 13), after = "\x82\x01\x00" } } }
  k:crank { syscalls = { { subscribe = "p-1" } } }
  return k
end

local function row(k)
  return k:sql("SELECT bundle, parameter_slots, incarnation, state FROM vat WHERE id = 2")[1]
end

describe("an upgrade", function()
  after_each(play.clean)

  for _, how in ipairs { "queued", "now" } do
    local function upgrade(k, bundle, parameters, outcome)
      if how == "now" then
        local delivery = k:upgrade_begin("v2", bundle, parameters)
        delivery.kept, delivery.reason = k:upgrade_try(outcome or {}, true)
        k:check()
        return delivery
      end
      local result = k:send_upgrade("v2", bundle, parameters)
      local delivery
      repeat
        delivery = k:crank(function(each)
          return each.kind == "start_vat" and outcome or {}
        end)
      until delivery.kind == "start_vat"
      delivery.result = result
      return delivery
    end

    it(how .. " keeps the root, durable objects and what durable values name", function()
      local k = two()
      local plain, durable = k:kref("v2", "o+1"), k:kref("v2", "o+d1/1")
      local delivery = upgrade(k, "", nil, { interface = "New" })
      assert.is_true(delivery.kept)
      assert.same({ "v2", 1, "@o-1, 5" }, { delivery.vat, delivery.incarnation, delivery.text })
      assert.equal("o+0", k:vref("v2", "ko2"))
      assert.equal("o+d1/1", k:vref("v2", durable))
      assert.is_nil(k:vref("v2", plain))
      assert.equal("New", k:value "SELECT interface FROM object WHERE id = 2")
      local told = {}
      for _, each in ipairs(k:drain()) do
        told[#told + 1] = play.line(each)
      end
      assert.same({ 'v1 notify p-1 rejected (Error {name = "VatUpgraded", message = "vat upgraded",'
        .. ' incarnation = 0})' }, told)
      if delivery.result then
        assert.same({ "fulfilled", "{incarnation = 1}" }, { k:outcome(delivery.result) })
      end
    end)

    it(how .. " that fails changes nothing, in memory or on disk, three times over", function()
      local k = two(play.path())
      k:sql "INSERT INTO bundle VALUES ('new', 'n', 1, x'00')"
      k:commit()
      local before, old = k:section "clists", row(k)
      local counts = k:sql "SELECT id, reachable, recognizable FROM object"
      for _ = 1, 3 do
        local delivery = upgrade(k, "new", { "ko2" }, { fault = "start", reason = "main.lua:9: no" })
        assert.is_false(delivery.kept)
        if delivery.result then
          local state, text = k:outcome(delivery.result)
          assert.equal("rejected", state)
          assert.is_truthy(text:find("main.lua:9: no", 1, true), text)
          k:release(delivery.result)
        else
          assert.equal("main.lua:9: no", delivery.reason)
        end
        assert.same(before, k:section "clists")
        assert.same(old, row(k))
        assert.same(counts, k:sql "SELECT id, reachable, recognizable FROM object")
        k:reopen()
        assert.same(old, row(k))
      end
      k:check()
    end)

    it(how .. " with parameters and bundle replaces them, with their counts", function()
      local k = two(play.path())
      k:sql "INSERT INTO bundle VALUES ('new', 'n', 1, x'00')"
      local delivery = upgrade(k, "new", { "ko2", "ko2", "x" })
      assert.equal('@o+0, @o+0, "x"', delivery.text)
      k:reopen()
      assert.same({ "new", "ko2 ko2", 1, "running" }, row(k))
      assert.is_nil(k:holders "ko1":find "parameters")
      k:check()
      k:terminate "v2"
      k:check()
    end)
  end

  it("that was only tried leaves no trace", function()
    local k = two(play.path())
    k:commit()
    local before = k:dump()
    k:upgrade_begin("v2", "", { "ko2" })
    assert.is_true(k:upgrade_try({ interface = "Tried", syscalls = { { send = "o+0", args = { "o+9" } } } }, false))
    assert.equal(before, k:dump())
    k:reopen()
    assert.equal(before, k:dump())
  end)

  it("waits in the queue across a restart", function()
    local k = two(play.path())
    k:send_upgrade("v2", "", nil)
    k:reopen()
    local kinds = {}
    for i, delivery in ipairs(k:drain()) do
      kinds[i] = delivery.vat .. " " .. delivery.kind
    end
    assert.same({ "v2 bring_out_your_dead", "v2 start_vat", "v1 notify" }, kinds)
  end)

  it("of a vat that ended meanwhile is rejected", function()
    local k = two()
    local result = k:send_upgrade("v2", "", nil)
    k:terminate "v2"
    k:drain()
    local state, text = k:outcome(result)
    assert.equal("rejected", state)
    assert.is_truthy(text:find("VatTerminated", 1, true))
  end)

  it("of a suspended or failed vat sets it going, with what waited", function()
    local k = two()
    k:suspend "v2"
    k:send("ko2", "waits", {})
    k:crank()
    k:send_upgrade("v2", "", nil)
    local methods = {}
    for _, delivery in ipairs(k:drain()) do
      methods[#methods + 1] = delivery.vat == "v2" and (delivery.method or delivery.kind) or nil
    end
    assert.same({ "start_vat", "waits" }, methods)
  end)
end)
