--- Lua literals, read without running code and written so that they read back.

local literal = require "moonvat.literal"
local lpeg = require "lpeg"

local function parsed(text)
  local ok, value = literal.parse(text)
  assert(ok, value)
  return value
end

local function refused(text)
  local ok, message = literal.parse(text)
  assert.is_false(ok, text)
  return message
end

-- What the kernel's references look like from Lua: userdata that print as their kref.
local function reference(kref)
  return debug.setmetatable(lpeg.P(1), { __tostring = function() return kref end })
end

local function error_value(fields)
  return setmetatable(fields, { __tostring = function(self) return self.message end })
end

describe("reading a literal", function()
  it("gives what Lua gives for the same text", function()
    for _, text in ipairs {
      "0", "-0", "1", "-17", "0x10", "0XfF", "3.", ".5", "3.0", "-0.0", "1e3", "1E-2", "0x.8p1",
      "0x1P-3", "9223372036854775807", "9223372036854775808", "0xffffffffffffffff", "1/0", "-1/0",
      "(1)", "-(2)", "math.huge", "-math.huge", "math.mininteger", "math.maxinteger", "math.pi",
      "true", "false", "nil", '""', "'a'", [["a'b"]], [['\65\x42\u{43}\z
         D\a\b\f\n\r\t\v\\\"\'']], "'a\\\nb'", "'\\0009'", "'\\u{7FFFFFFF}'", "[[]]", "[[\nx]]",
      "[==[a]]b]=]c]==]", "[[a\r\nb]]", "--[[ note ]] 1 -- end", " \n 1 \t",
    } do
      local want = load("return " .. text)()
      local got = parsed(text)
      assert.equal(math.type(want), math.type(got), text)
      assert.equal(string.format("%q", want), string.format("%q", got), text)
    end
  end)

  it("reads not-a-number", function()
    local value = parsed "(0/0)"
    assert.is_true(value ~= value)
  end)

  it("reads tables as Lua's constructors do", function()
    assert.same({}, parsed "{}")
    assert.same({ 1, 2, 3 }, parsed "{1, 2; 3,}")
    assert.same({ 1, nil, 3 }, parsed "{1, nil, 3}")
    assert.same({ a = 1, ["b c"] = { true }, [5] = "x", [-1.5] = false, [true] = 0 },
      parsed [[{ a = 1, ["b c"] = { true }, [5] = 'x', [-1.5] = false, [true] = 0 }]])
    assert.same({ "x", 2, y = 3 }, parsed "{ 'x', y = 3, 2 }")
  end)

  it("reads tables 200 deep and no deeper", function()
    assert.equal("table", type(parsed(("{"):rep(200) .. ("}"):rep(200))))
    assert.matches("deeper than 200", refused(("{"):rep(201) .. ("}"):rep(201)))
    assert.matches("deeper than 200", refused(("{"):rep(100000)))
    assert.matches("deeper than 200", refused(("("):rep(100000)))
  end)

  it("hands references to its caller", function()
    local ok, value = literal.parse("{ @ko20, p = @kp3 }", function(kref)
      return "<" .. kref .. ">"
    end)
    assert.is_true(ok)
    assert.same({ "<ko20>", p = "<kp3>" }, value)
    assert.equal("a reference cannot be written here at character 1", refused "@ko20")
    local fine, message = literal.parse("@ko9", function()
      error("no such reference: ko9", 0)
    end)
    assert.is_false(fine)
    assert.equal("no such reference: ko9", message)
  end)

  it("runs nothing and says where it stopped", function()
    for text, message in pairs {
      ["f()"] = "f is no literal (a string is written in quotes, \"f\") at character 1",
      ["ko20"] = "ko20 is no literal (write @ko20 for the reference) at character 1",
      ["{1, 2"] = "expected , or }, got the end at character 6",
      ["{1 2}"] = "expected , or }, got 2 at character 4",
      ["1 2"] = "unexpected 2 at character 3",
      [""] = "expected a value, got the end at character 1",
      ["'abc"] = "an unfinished string or a wrong escape at character 1",
      ["'\\q'"] = "an unfinished string or a wrong escape at character 1",
      ["'\\300'"] = "an unfinished string or a wrong escape at character 1",
      ["{[nil] = 1}"] = "a key cannot be nil at character 3",
      ["{[0/0] = 1}"] = "a key cannot be not a number at character 3",
      ["-'x'"] = "expected a number behind the minus at character 2",
      ["@bob"] = "@ must be followed by a reference such as ko20 at character 1",
      ["1 + 1"] = "unexpected + at character 3",
      ["{end = 1}"] = "end is no literal (a string is written in quotes, \"end\") at character 2",
    } do
      assert.equal(message, refused(text))
    end
    for _, text in ipairs { "3x", "0x", "1..2", "1/x", "a.b", "{a.b = 1}", "{[1] 2}", "[[x", "--" } do
      refused(text)
    end
  end)
end)

describe("printing a literal", function()
  it("spells each value one way", function()
    for text, value in pairs {
      ["3"] = 3, ["3.0"] = 3.0, ["-0.0"] = -0.0, ["0.1"] = 0.1, ["1e+100"] = 1e100,
      ["1/0"] = 1e308 * 10, ["-1/0"] = -math.huge, ["(0/0)"] = 0 / 0,
      ["math.mininteger"] = math.mininteger, ["9223372036854775807"] = math.maxinteger,
      ["-9.223372036854776e+18"] = math.mininteger + 0.0,
      ["true"] = true, ['"a\\"b\\\\c"'] = 'a"b\\c', ["{}"] = {},
    } do
      assert.equal(text, literal.print(value))
    end
    assert.equal("nil", literal.print(nil))
  end)

  it("sorts keys: the list, numbers, strings, booleans", function()
    assert.equal('{ 1, 2, [-1] = "m", [1.5] = "f", [4] = "g", B = 2, ["a b"] = 3, b = 1, '
      .. '["end"] = 4, [false] = 0, [true] = 1 }',
      literal.print { 1, 2, [4] = "g", [-1] = "m", [1.5] = "f", b = 1, B = 2, ["a b"] = 3,
        ["end"] = 4, [true] = 1, [false] = 0 })
  end)

  it("leaves letters of all languages and escapes what steers a terminal", function()
    assert.equal('"\u{e9}\u{65e5}\u{1f600}"', literal.print "\u{e9}\u{65e5}\u{1f600}")
    assert.equal([["\x1B[31m\n\t\x00\x7F"]], literal.print "\27[31m\n\t\0\127")
    assert.equal([["\u{9B}31m\u{202E}\u{200F}\u{FEFF}\u{2066}\u{E0041}"]],
      literal.print "\u{9b}31m\u{202e}\u{200f}\u{feff}\u{2066}\u{e0041}")
    assert.equal([["\xFF\xC0\xAF\xED\xA0\x80"]], literal.print "\xff\xc0\xaf\xed\xa0\x80")
    assert.equal("a\tb\\x1B[0m \"q\" \\", literal.plain "a\tb\27[0m \"q\" \\")
  end)

  it("shows references with @ inside, and bare alone", function()
    local ko20 = reference "ko20"
    assert.equal("{ @ko20 }", literal.print { ko20 })
    assert.equal("@ko20", literal.print(ko20))
    assert.equal("ko20", literal.show(ko20))
    assert.equal('"@ko20"', literal.show "@ko20")
  end)

  it("shows error values as what they are", function()
    local reason = error_value { name = "InsufficientFunds", message = "need 1000, have 70", need = 1000 }
    assert.equal("InsufficientFunds: need 1000, have 70", literal.reason(reason))
    assert.equal('Error { message = "need 1000, have 70", name = "InsufficientFunds", need = 1000 }',
      literal.print(reason))
    assert.equal("42", literal.reason(42))
    assert.equal('{ message = "m", name = "n" }', literal.reason { name = "n", message = "m" })
    assert.equal("E\\x1B: m\\nn", literal.reason(error_value { name = "E\27", message = "m\nn" }))
  end)

  it("comes to an end on tables inside themselves and on very deep ones", function()
    local loop = { 1 }
    loop.self = loop
    assert.equal("{ 1, self = { ... } }", literal.print(loop))
    local deep = {}
    for _ = 1, 5000 do
      deep = { deep }
    end
    assert.matches("{ %.%.%. }", literal.print(deep))
  end)

  it("shows a function without an address to read back", function()
    assert.is_false((literal.parse(literal.print(print))))
  end)
end)

-- Random values: what is printed reads back as the same value, bit for bit.
describe("a value printed and read", function()
  local random = math.random

  local makers
  local function any(depth)
    return makers[random(depth > 0 and #makers or #makers - 2)](depth)
  end

  local function text()
    local bytes = {}
    for i = 1, random(0, 12) do
      bytes[i] = random(3) == 1 and utf8.char(random(0, 0x3000)) or string.char(random(0, 255))
    end
    return table.concat(bytes)
  end

  local function float()
    local value = string.unpack("d", string.pack("i8", random(0)))
    return value == value and value or 0.5
  end

  makers = {
    function() return random(0) end,
    function() return random(-10, 10) end,
    float,
    function() return random(-100, 100) / 8 end,
    text,
    function() return random(2) == 1 end,
    function(depth)
      local list = {}
      for i = 1, random(0, 4) do
        list[i] = any(depth - 1)
      end
      return list
    end,
    function(depth)
      local map = {}
      for _ = 1, random(0, 4) do
        local key = any(0)
        map[key] = any(depth - 1)
      end
      return map
    end,
  }

  local function identical(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
      return math.type(a) == math.type(b) and string.format("%q", a) == string.format("%q", b)
    end
    for key, value in pairs(a) do
      if not identical(value, b[key]) then
        return false
      end
    end
    for key in pairs(b) do
      if a[key] == nil then
        return false
      end
    end
    return true
  end

  it("is the same", function()
    math.randomseed(20)
    for _ = 1, 3000 do
      local value = any(4)
      local printed = literal.print(value)
      assert.is_nil(printed:find "[\0-\31\127]")
      local ok, back = literal.parse(printed)
      assert(ok and identical(value, back), printed)
      assert(identical(value, load("return " .. printed)()), printed)
      assert.equal(printed, literal.print(back))
    end
  end)
end)
