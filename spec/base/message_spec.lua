--- Deliveries, syscalls and changes as bytes: what is written is read, and what is malformed is not.

local base = require "moonvat.basetest"

local OUTCOME <const> = {
  syscalls = {
    { send = "o-1", method = "m", args = { "o+1 Thing", 5, "text", "p-3", "o+d1/2" }, result = "p+1" },
    { send = "p-1", method = "" },
    { subscribe = "p+1" },
    { resolve = { { "p+2", "fulfilled", { 1, "o-1" } }, { "p+3", "rejected", {} }, { "p+4", "follow", "p-5" } } },
    { resolve = {} },
    { exit = true, args = { "bye" } },
    { exit = true, failure = true, args = { "o-1" } },
    { drop_imports = { "o-1", "o-2" } },
    { retire_imports = {} },
    { retire_exports = { "o+1" } },
    { abandon_exports = { "o+d1/2" } },
  },
  changes = {
    { key = "", after = "" },
    { key = "k\0", before = "b", after = "a" },
    { space = "durable", key = "d", before = "b" },
    { space = "durable", key = "e", after = "a", slots = { "o-1", "p+2" } },
  },
}

describe("syscalls", function()
  it("are read as they were written", function()
    local text = base.encode(OUTCOME)
    assert.equal(text, base.syscalls(text))
    assert.equal("", base.syscalls "")
  end)

  it("are refused when cut short, but where one ends", function()
    local text = base.encode(OUTCOME)
    local ends, good = {}, 0
    for i = 1, #OUTCOME.syscalls do
      ends[#base.encode { syscalls = table.move(OUTCOME.syscalls, 1, i, 1, {}) }] = true
    end
    for cut = 1, #text - 1 do
      local back = base.syscalls(text:sub(1, cut))
      assert.equal(ends[cut] or false, back ~= nil, "cut to " .. cut)
      good = good + (back and 1 or 0)
    end
    assert.equal(#OUTCOME.syscalls - 1, good)
  end)

  it("are refused with an unknown kind, an invalid reference, or a follow where none may be", function()
    for _, text in ipairs { "\0", "\9", "\xff", "\2\0", "\2\4", "\2\x0f", "\7\1\0", "\3\1\x0a\4\x0a", "\3\1\x0a\0" } do
      assert.is_nil(base.syscalls(text))
    end
  end)

  it("are refused when a count is more than could follow", function()
    assert.is_nil(base.syscalls "\5\xff\xff\xff\xff\x0f")
    assert.is_nil(base.syscalls "\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
    assert.is_nil(base.syscalls("\1\x0d\0\1m\0" .. base.number(-1)))
  end)
end)

describe("changes", function()
  it("are read as they were written", function()
    local _, text = base.encode(OUTCOME)
    assert.equal(text, base.changes(text))
  end)

  it("are refused when cut short or of an unknown space", function()
    local _, text = base.encode { changes = { OUTCOME.changes[4] } }
    for cut = 1, #text - 1 do
      assert.is_nil(base.changes(text:sub(1, cut)))
    end
    assert.is_nil(base.changes "\2\1k\0\0")
  end)
end)

describe("a delivery", function()
  local NOW <const> = ("<d"):pack(1.5)

  it("is read as it was written", function()
    for kind, text in pairs {
      message = "\1" .. NOW .. "\1\0\1m\1\x80\0",
      notify = "\2" .. NOW .. "\0\1\x0e\1\1\x80\0",
      drop_exports = "\3" .. NOW .. "\1\x09",
      retire_exports = "\4" .. NOW .. "\2\x09\x11",
      retire_imports = "\5" .. NOW .. "\0",
      bring_out_your_dead = "\6" .. NOW,
      start_vat = "\7" .. NOW .. "\1a\0\1\x80\1\x0d",
    } do
      assert.equal(text, base.delivery(text), kind)
      assert.equal(kind, base.delivery_table(text).kind)
      assert.is_nil(base.delivery(text .. "x"), kind)
      for cut = 0, #text - 1 do
        assert.is_nil(base.delivery(text:sub(1, cut)), kind .. " cut to " .. cut)
      end
    end
  end)

  it("is refused when it is of no kind, or tells of a promise that follows", function()
    assert.is_nil(base.delivery("\0" .. NOW))
    assert.is_nil(base.delivery("\8" .. NOW))
    assert.is_nil(base.delivery("\2" .. NOW .. "\0\1\x0e\3\x0e"))
  end)
end)
