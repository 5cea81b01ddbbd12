--- Values as bytes: deterministic CBOR.

local base = require "moonvat.basetest"
local pace = require "spec.support.pace"

local function hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local UNSIGNED <const>, BYTES <const>, TEXT <const>, ARRAY <const>, MAP <const>, TAG <const> = 0, 2, 3, 4, 5, 6

describe("a value", function()
  it("has the shortest form that is exact, as RFC 8949 shows it", function()
    for text, value in pairs {
      ["00"] = 0, ["01"] = 1, ["17"] = 23, ["1818"] = 24, ["1864"] = 100, ["1903e8"] = 1000,
      ["1a000f4240"] = 1000000, ["1b000000e8d4a51000"] = 1000000000000, ["20"] = -1, ["29"] = -10,
      ["3863"] = -100, ["3903e7"] = -1000, ["3b7fffffffffffffff"] = math.mininteger,
      ["1b7fffffffffffffff"] = math.maxinteger,
      ["f90000"] = 0.0, ["f98000"] = -0.0, ["f93c00"] = 1.0, ["fb3ff199999999999a"] = 1.1, ["f93e00"] = 1.5,
      ["f97bff"] = 65504.0, ["fa47c35000"] = 100000.0, ["fa7f7fffff"] = 3.4028234663852886e+38,
      ["fb7e37e43c8800759c"] = 1.0e+300, ["f90001"] = 5.960464477539063e-8, ["f90400"] = 0.00006103515625,
      ["f9c400"] = -4.0, ["fbc010666666666666"] = -4.1, ["f97c00"] = math.huge, ["f9fc00"] = -math.huge,
      ["f903ff"] = 1023 * 2.0 ^ -24, ["fa33800001"] = 0x1.000002p-24, ["fa33000000"] = 2.0 ^ -25,
      ["fa47800000"] = 65536.0, ["f4"] = false, ["f5"] = true,
      ["60"] = "", ["6161"] = "a", ["62c3bc"] = "\u{fc}", ["64f0908591"] = "\u{10151}", ["41ff"] = "\xff",
      ["42c328"] = "\xc3\x28",
    } do
      assert.equal(text, hex(base.cbor(value)))
    end
    assert.equal("f97e00", hex(base.cbor(0 / 0)))
    assert.equal("f97e00", hex(base.cbor(-(0 / 0))))
    assert.equal("f6", hex(base.cbor(nil)))
  end)

  it("is shown as it is in Lua", function()
    for _, value in ipairs { 0, 1, 23, 24, 255, 256, 65535, 65536, -1, -256, -257, math.maxinteger, math.mininteger } do
      assert.equal(tostring(value), base.show("\x81" .. base.cbor(value)))
    end
    for _, value in ipairs { 0.0, 1.0, -1.5, 0.1, 1 / 3, 1e300, 5e-324, 1e15, 123456789012345680.0, 2.0 ^ 53, 0x1p-24,
      0x1p-14, 65504.0, 0.00006109476089477539 } do
      local text = base.show("\x81" .. base.cbor(value))
      assert.equal(value, load("return " .. text)())
      assert.equal("float", math.type(load("return " .. text)()))
    end
    assert.equal("-0.0", base.show("\x81" .. base.cbor(-0.0)))
    assert.equal("1/0, -1/0, 0/0", base.show("\x83" .. base.cbor(math.huge) .. base.cbor(-math.huge)
      .. base.cbor(0 / 0)))
  end)

  it("of text is text only when it is strict UTF-8", function()
    for text, valid in pairs {
      [""] = true, ["a\0b"] = true, ["\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"] = true, ["\xc0\x80"] = false,
      ["\xc1\xbf"] = false, ["\xe0\x80\x80"] = false, ["\xe0\x9f\xbf"] = false, ["\xed\xa0\x80"] = false,
      ["\xed\x9f\xbf"] = true, ["\xee\x80\x80"] = true, ["\xf0\x8f\xbf\xbf"] = false, ["\xf4\x90\x80\x80"] = false,
      ["\xf5\x80\x80\x80"] = false, ["\xff"] = false, ["\x80"] = false, ["a\xc3"] = false, ["\xe2\x82"] = false,
      ["\xf0\x9f\x98"] = false, ["\xc3\x28"] = false, ["\xfe\xff"] = false,
    } do
      assert.equal(valid, base.utf8(text), hex(text))
    end
  end)
end)

describe("reading", function()
  it("skips one whole item, whatever is behind it", function()
    for _, text in ipairs {
      "\x00", "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", "\x63abc", "\x43\xff\x00\x01", "\x80", "\x83\x01\x02\x03", "\xa0",
      "\xa1\x01\x02", "\xd9\xd9\xf8\x82\x00\x61a", "\xf6", "\xfb\0\0\0\0\0\0\0\0", "\x82\x81\x81\x01\xa1\x61a\x80",
    } do
      assert.same({ true, #text }, { base.cbor_skip(text) })
      assert.same({ true, #text }, { base.cbor_skip(text .. "rest") })
      for cut = 0, #text - 1 do
        assert.is_false((base.cbor_skip(text:sub(1, cut))), hex(text:sub(1, cut)))
      end
    end
  end)

  it("refuses what a body cannot hold", function()
    for _, text in ipairs {
      "\x1c", "\x1f", "\x5f\x41a\xff", "\x9f\xff", "\xbf\xff", "\xff", "\xf7", "\xf8\x20", "\xe0",
      "\x1b\x80\0\0\0\0\0\0\0", "\x3b\x80\0\0\0\0\0\0\0", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
      "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\xbb\x80\0\0\0\0\0\0\0\0\0", "\x9a\xff\xff\xff\xff\x01",
      "\xa2\x01\x02\x03",
    } do
      assert.is_false((base.cbor_skip(text)), hex(text))
    end
  end)

  it("ends at a depth, without a crash", function()
    assert.is_true((base.cbor_skip(("\x81"):rep(200) .. "\x00")))
    assert.is_true((base.cbor_skip(("\xd9\xd9\xfa\x81"):rep(200) .. "\x00")))
    assert.is_false((base.cbor_skip(("\x81"):rep(1000000) .. "\x00")))
    assert.is_false((base.cbor_skip(("\xc1"):rep(1000000) .. "\x00")))
    assert.equal("malformed", base.show(("\x81"):rep(1000000) .. "\x00"):match "malformed$")
  end)

  it("knows a body that is exactly one object", function()
    local tag = base.cbor_head(TAG, 55800)
    assert.equal("d9d9f8", hex(tag))
    assert.equal(0, base.single_object("\x81" .. tag .. "\x82\x00\x60"))
    assert.equal(300, base.single_object("\x81" .. tag .. "\x82" .. base.cbor(300) .. base.cbor "Purse"))
    for _, body in ipairs {
      "", "\x80", "\x81", "\x81\x05", "\x82" .. tag .. "\x82\x00\x60\x01", "\x81" .. tag .. "\x82\x20\x60",
      "\x81" .. tag .. "\x82\x00\x60\x00", "\x81" .. tag .. "\x82\x00", "\x81" .. tag .. "\x81\x00",
      "\x81" .. base.cbor_head(TAG, 55801) .. "\x00", "\x81" .. tag .. "\x82\x00\x01",
      "\x81\x81" .. tag .. "\x82\x00\x60",
    } do
      assert.is_nil(base.single_object(body), hex(body))
    end
  end)

  it("of random bytes never goes past their end", function()
    local state = 12345
    local function random(n)
      state = state * 6364136223846793005 + 1442695040888963407
      return (state >> 33) % n
    end
    for _ = 1, pace.rounds(20000) do
      local bytes = {}
      for i = 1, random(24) do
        bytes[i] = string.char(random(3) == 0 and 0x80 + random(0x60) or random(256))
      end
      local text = table.concat(bytes)
      local good, size = base.cbor_skip(text)
      assert.is_true(not good or size <= #text)
      base.show(text)
      base.single_object(text)
      base.syscalls(text)
      base.delivery(text)
      base.changes(text)
      base.show_syscalls(text)
    end
  end)
end)

describe("the kernel's own errors", function()
  it("are one value with a name and a message", function()
    local text = base.cbor_error("Odd", "very odd")
    assert.equal(hex "\x81" .. hex(base.cbor_head(TAG, 55802)) .. hex(base.cbor_head(MAP, 2)),
      hex(text):sub(1, 10))
    assert.equal('Error {name = "Odd", message = "very odd"}', base.show(text))
    assert.is_truthy(base.show(base.cbor_error("Odd", "odd", 3)):find("incarnation = 3", 1, true))
    assert.is_true((base.cbor_skip(text)))
  end)

  it("have their keys in the order of the encoding's rule", function()
    -- shorter keys first, then by bytes: text keys of the same head sort by length
    local text = base.cbor_error("N", "m", 1)
    local name, message, incarnation = text:find "name", text:find "message", text:find "incarnation"
    assert.is_true(name < message and message < incarnation)
  end)
end)

describe("a head", function()
  it("has the shortest form", function()
    assert.equal("17", hex(base.cbor_head(UNSIGNED, 23)))
    assert.equal("5818", hex(base.cbor_head(BYTES, 24)))
    assert.equal("790100", hex(base.cbor_head(TEXT, 256)))
    assert.equal("9a00010000", hex(base.cbor_head(ARRAY, 65536)))
    assert.equal("bb0000000100000000", hex(base.cbor_head(MAP, 1 << 32)))
  end)
end)
