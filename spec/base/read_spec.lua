--- Numbers and bytes as they travel.

local base = require "moonvat.basetest"

describe("a number", function()
  it("is read back, whatever it is", function()
    for _, number in ipairs { 0, 1, 127, 128, 16383, 16384, 1 << 32, math.maxinteger, math.mininteger, -1 } do
      local text = base.number(number)
      local back, more = base.read_number(text)
      assert.equal(number, back)
      assert.is_false(more)
      assert.equal(number, (base.read_number(text .. "x")))
    end
    assert.equal("\0", base.number(0))
    assert.equal("\x80\x01", base.number(128))
    assert.equal(10, #base.number(-1))
  end)

  it("is bad when it is cut short or too large", function()
    for _, text in ipairs { "", "\x80", "\xff\xff", ("\xff"):rep(9),
      ("\xff"):rep(9) .. "\x02", ("\x80"):rep(10) .. "\0" } do
      assert.is_nil((base.read_number(text)), text)
    end
  end)
end)

describe("bytes", function()
  it("stand behind their size", function()
    assert.equal("abc", base.read_bytes "\3abcdef")
    assert.equal("", base.read_bytes "\0")
  end)

  it("are bad when there are fewer", function()
    for _, text in ipairs { "", "\1", "\4abc", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "\x80" } do
      assert.is_nil(base.read_bytes(text))
    end
  end)
end)
