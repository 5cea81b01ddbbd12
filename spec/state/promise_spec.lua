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
end)
