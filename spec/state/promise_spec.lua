--- Promise rows: what is tied to them comes back with them.

local play = require "spec.support.play"

describe("a promise", function()
  after_each(play.clean)

  it("comes back with subscribers, followers, decider and value", function()
    local k = play.kernel({ "a", "b", "c" }, nil, play.path())
    for _, root in ipairs { "ko2", "ko3" } do
      k:send("ko1", "go", { root })
    end
    k:crank()
    k:crank { syscalls = {
      { send = "o-1", args = { "p+1", "p+2", "p+3" } }, { send = "o-2", args = { "p+1", "p+2", "p+3" } },
      { resolve = { { "p+2", "follow", "p+1" }, { "p+3", "fulfilled", { "o+1 Thing", "p+1", "text" } } } },
    } }
    k:crank { syscalls = { { subscribe = "p-1" }, { subscribe = "p-2" } } }
    k:crank { syscalls = { { subscribe = "p-1" }, { subscribe = "p-2" } } }
    k:reopen()
    for _, root in ipairs { "ko2", "ko3" } do
      k:send(root, "ask", {})
      k:crank { syscalls = { { subscribe = "p-3" } } }
      assert.is_truthy(play.line(k:crank()):find 'notify p%-3 fulfilled %(@o%-1, @p%-1, "text"%)')
    end
    k:reopen()
    k:send("ko1", "settle", {})
    k:crank { syscalls = { { resolve = { { "p+1", "rejected", { "why" } } } } } }
    k:reopen()
    assert.same({ 'v2 notify p-1 rejected ("why")', 'v3 notify p-1 rejected ("why")',
      'v2 notify p-2 rejected ("why")', 'v3 notify p-2 rejected ("why")' }, play.lines(k:drain()))
    assert.equal(0, k:value "SELECT count(*) FROM subscriber")
  end)

  it("that is made and gone within a block never reaches the disk", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:crank()
    k:commit()
    k:sql [[CREATE TEMP TABLE seen (n)]]
    k:sql [[CREATE TEMP TRIGGER see AFTER INSERT ON main.promise BEGIN INSERT INTO seen VALUES (1); END]]
    for _ = 1, 10 do
      local result = k:send("ko1", "m", {})
      k.kernel:begin()
      k.kernel:finish { syscalls = { { resolve = { { "p-" .. result:sub(3), "fulfilled", {} } } } } }
      k:release(result)
      k.kernel:begin()
    end
    assert(k:commit())
    assert.equal(0, k:value "SELECT count(*) FROM seen")
    assert.equal(10, k:value "SELECT value FROM meta WHERE name = 'promise'")
  end)

  it("has a row for each subscriber, written once, whatever is undone or ends", function()
    local count <const> = 20
    local k = play.kernel({ "a" }, nil, play.path())
    k:send("ko1", "go", {})
    k:crank { syscalls = { { send = "o+0", args = { "p+1" } } } }
    k:drain()
    local kref = k:kref("v1", "p+1")
    k:hold(kref)
    k:sql [[CREATE TEMP TABLE seen (n)]]
    k:sql [[CREATE TEMP TRIGGER see AFTER INSERT ON main.subscriber BEGIN INSERT INTO seen VALUES (1); END]]
    local function subscribers(first)
      local vats = {}
      for i, row in ipairs(k:sql "SELECT vat FROM subscriber ORDER BY vat") do
        vats[i] = row[1]
      end
      local wanted = {}
      for vat = first, count do
        wanted[#wanted + 1] = vat
      end
      assert.same(wanted, vats)
    end
    for i = 2, count do
      k:start("b" .. i, { parameters = { kref } }, { syscalls = { { subscribe = "p-1" } } })
      assert(k:commit())
      k:send(kref, "waits", {}) -- the row changes, and its subscribers do not
      k:crank()
      assert(k:commit())
    end
    subscribers(2)
    assert.equal(count - 1, k:value "SELECT count(*) FROM seen")
    for _, flush in ipairs { false, true } do
      k:start_begin()
      k:start_vat("undone", { parameters = { kref } })
      assert.is_true(k:start_finish { syscalls = { { subscribe = "p-1" } } })
      if flush then
        assert.equal(count, k:value "SELECT count(*) FROM subscriber")
      end
      k:start_end(false)
      subscribers(2)
    end
    for i = 2, 10 do
      k:terminate("v" .. i)
      k:drain()
      subscribers(i + 1)
    end
    k:reopen()
    k:release(kref)
    k:send("ko1", "settle", {})
    k:drain(function(delivery)
      return delivery.method == "settle"
        and { syscalls = { { resolve = { { "p+1", "fulfilled", {} } } } } } or {}
    end)
    assert.equal(0, k:value "SELECT count(*) FROM subscriber")
  end)
end)
