--- The dump: one text of all state, the same whatever the host holds and however often it restarts.

local play = require "spec.support.play"

local function some(k)
  local result = k:send("ko1", "go", { "ko2" })
  k:crank(function(delivery)
    return { syscalls = {
      { send = "o-1", method = "m\n\"x\"", args = { "o+1 Thing", 1.5, "\0\255", true }, result = "p+1" },
      { subscribe = "p+1" }, { resolve = { { delivery.result, "fulfilled", { "o+2 Held", 7 } } } },
    }, changes = {
      { key = "k\1", after = "v" }, { space = "durable", key = "d", after = "\x81\x05", slots = { "o-1", "o+0" } },
    } }
  end)
  return result
end

describe("the dump", function()
  after_each(play.clean)

  it("shows every table, with values as Lua", function()
    local k = play.kernel { "a", "b" }
    k:pin "ko2"
    k:start("c", { parameters = { "ko1", "x" } })
    some(k)
    for heading, line in pairs {
      vats = 'v3 c - running 0 b 2 1 0 0 @ko1, "x"',
      clists = "v1 o-1 ko2 1",
      objects = 'ko4 v1 "Thing" 1 1',
      promises = "kp2 2 unresolved - - v1",
      holds = "pin v0 ko2 1",
      vatstore = 'v1 "k\\x01" "v"',
      durable = 'v1 "d" 5',
      bundles = "b bundle 1",
      counters = "vat 3",
    } do
      local lines = k:section(heading)
      local found = false
      for _, each in ipairs(lines) do
        found = found or each:sub(1, #line) == line
      end
      assert.is_true(found, line .. " is missing in " .. heading .. ":\n" .. table.concat(lines, "\n"))
    end
    local queue = k:section "queue"
    assert.equal(1, #queue)
    assert.is_truthy(queue[1]:find('2 message ko2 "m\\n\\"x\\"" kp2', 1, true), queue[1])
    assert.is_truthy(queue[1]:find('@ko4, 1.5, "\\x00\\xff", true', 1, true), queue[1])
    assert.is_nil(k:dump():find("[^%g \n]"))
  end)

  it("does not show what only the host holds, nor what that keeps", function()
    local k = play.kernel { "a", "b" }
    local result = some(k)
    k:drain()
    k:send("ko1", "end", {})
    k:drain(function(delivery)
      return delivery.method == "end" and { syscalls = { { exit = true } } } or {}
    end)
    local held = k:dump()
    local object = k:value("SELECT slots FROM promise WHERE id = " .. result:sub(3))
    assert.is_true(k:exists(object))
    assert.is_nil(held:find(object .. " ", 1, true))
    k:release(result)
    k:drain()
    assert.is_false(k:exists(object))
  end)

  it("does not show what only the host holds, however much that is", function()
    local k = play.kernel { "a" }
    for i = 1, 120 + 130 do
      local result = k:send("ko1", "m", {})
      k:crank(function(delivery)
        return { syscalls = { { resolve = { { delivery.result, "fulfilled", {} } } } } }
      end)
      if i <= 120 then
        k:release(result)
      else
        assert.same({}, i > 240 and k:section "promises" or {})
      end
    end
  end)

  it("is the same for a reader, and after a restart", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    some(k)
    local before = k:dump()
    k:commit()
    local reader = assert(play.try_open(k.path, true))
    assert.equal(before, reader:dump())
    assert.equal("", reader:audit())
    k:reopen()
    assert.equal(before, k:dump())
  end)
end)
