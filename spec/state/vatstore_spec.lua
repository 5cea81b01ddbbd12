--- Vats' durable rows: changed by cranks, kept with their transcript.

local play = require "spec.support.play"

--- A crank of v1 with these changes; without an audit, which would write what is in memory.
local function change(k, changes)
  k:send("ko1", "m", {})
  assert.equal("deliver", (k:begin()))
  assert.is_true(k:finish { changes = changes })
end

local function rows(k)
  local list = {}
  for i, row in ipairs(k:sql "SELECT key, value FROM vatstore ORDER BY key") do
    list[i] = row[1] .. "=" .. row[2]
  end
  return table.concat(list, " ")
end

describe("a vatstore", function()
  after_each(play.clean)

  it("has the last value of each key, and none of those deleted", function()
    local k = play.kernel({ "a" }, nil, play.path())
    change(k, { { key = "a", after = "1" }, { key = "b", after = "1" }, { key = "c", after = "1" } })
    change(k, { { key = "a", before = "1", after = "2" }, { key = "b", before = "1" } })
    k:reopen()
    assert.equal("a=2 c=1", rows(k))
    change(k, { { key = "a", before = "2" }, { key = "b", after = "3" } })
    k:commit()
    change(k, { { key = "a", after = "4" }, { key = "c", before = "1", after = "" } })
    k:reopen()
    assert.equal("a=4 b=3 c=", rows(k))
  end)

  it("is undone with its crank, in the same block or not, flushed or not", function()
    for _, commit in ipairs { false, true } do
      for _, flush in ipairs { false, true } do
        local k = play.kernel({ "a" }, nil, play.path())
        change(k, { { key = "a", after = "1" }, { key = "b", after = "1" } })
        if commit then
          k:commit()
        end
        k:send("ko1", "m", {})
        k:begin()
        if flush then
          k:sql "SELECT 1"
        end
        k:finish { fault = "time", changes = { { key = "a", before = "1", after = "2" } } }
        assert.equal("a=1 b=1", rows(k))
        k:send("ko1", "m", {})
        k:begin()
        k:finish { syscalls = { { exit = true, failure = true } },
          changes = { { key = "a", before = "1" }, { key = "c", after = "1" } } }
        assert.equal("a=1 b=1", rows(k))
        k:drain() -- the vat has ended
        k:reopen()
        assert.equal("", rows(k))
        play.clean()
      end
    end
  end)

  it("and durable rows are spaces apart, and keys are bytes", function()
    local k = play.kernel({ "a" }, nil, play.path())
    change(k, { { key = "\0\255", after = "v" }, { key = "", after = "empty" },
      { space = "durable", key = "\0\255", after = "\x81\x05", slots = { "o+0", "o+d1/2", "p-7" } } })
    k:reopen()
    assert.same({ { "", "empty" }, { "\0\255", "v" } }, k:sql "SELECT key, value FROM vatstore")
    assert.same({ { "\0\255", "\x81\x05", "o+0 o+d1/2 p-7" } }, k:sql "SELECT key, value, slots FROM durable")
  end)
end)

describe("a transcript", function()
  after_each(play.clean)

  it("has a row for each vat and block, without gaps", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    for block = 1, 5 do
      for _ = 1, block do
        k:send("ko1", "m", {})
        k:send("ko2", "m", {})
        k:drain()
        k:sql "SELECT 1"
      end
      k:reopen()
    end
    local positions = {}
    for _, row in ipairs(k:sql "SELECT vat, position, count, length(entries) FROM transcript ORDER BY vat, position") do
      assert.equal(positions[row[1]] or 0, row[2])
      positions[row[1]] = row[2] + row[3]
      assert.is_true(row[4] > 0)
    end
    assert.same({ 16, 16 }, positions)
    assert.same({ { 16 }, { 16 } }, k:sql "SELECT position FROM vat ORDER BY id")
  end)

  it("has nothing of an undone crank", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:commit()
    local before = k:sql "SELECT * FROM transcript"
    k:send("ko1", "m", {})
    k:crank { fault = "time" }
    k:commit()
    assert.same(before, k:sql "SELECT * FROM transcript")
    assert.same({ { 1, 1 } }, k:sql "SELECT position, deliveries FROM vat")
  end)

  it("keeps what the block's keys were before it, once each", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:commit()
    local function before()
      return k:value "SELECT before FROM transcript ORDER BY position DESC LIMIT 1"
    end
    change(k, { { key = "k", after = "first" } })
    change(k, { { key = "k", before = "first", after = "second" } })
    k:commit()
    assert.is_nil(before():find("first", 1, true))
    change(k, { { key = "k", before = "second", after = "third" } })
    change(k, { { key = "k", before = "third" }, { key = "j", after = "x" } })
    k:commit()
    assert.is_truthy(before():find("second", 1, true))
    assert.is_nil(before():find("third", 1, true))
    change(k, { { key = "k", after = "fourth" } })
    k:sql "SELECT 1" -- what is written within a block is noted anew
    change(k, { { key = "k", before = "fourth", after = "fifth" } })
    k:commit()
    assert.is_truthy(before():find("fourth", 1, true))
  end)

  it("is not kept of a vat that asks for none", function()
    local k = play.kernel({ "a" }, { a = { transcript = false } }, play.path())
    change(k, { { key = "k", after = "v" } })
    k:commit()
    assert.same({}, k:sql "SELECT * FROM transcript")
    assert.equal("k=v", rows(k))
  end)
end)
