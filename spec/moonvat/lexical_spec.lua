--- The words of Lua source.

local lexical = require "moonvat.lexical"

local function whole(pattern, text)
  return (pattern * -1):match(text) ~= nil
end

describe("the words of Lua", function()
  it("are numbers as Lua has them", function()
    for _, text in ipairs { "0", "3.", ".5", "1e5", "1E+5", "0x1F", "0x.8", "0xA.p-3" } do
      assert.is_true(whole(lexical.number, text), text)
      assert.is_number(tonumber(text))
    end
    for _, text in ipairs { "", ".", "0x", "1e", "3x", "1.2.3", "-1" } do
      assert.is_false(whole(lexical.number, text), text)
    end
  end)

  it("are strings, short and long", function()
    for _, text in ipairs { "''", [['\'']], [["\\"]], "'a\\\nb'", "[[]]", "[==[]]]=]]==]", "[[\n]]" } do
      assert.is_true(whole(lexical.string, text), text)
      assert.is_true(whole(lexical.string_value, text), text)
      assert.equal(load("return " .. text)(), lexical.string_value:match(text))
    end
    for _, text in ipairs { "'", "'\n'", "[[", "[=[]]", [['\']] } do
      assert.is_false(whole(lexical.string_value, text), text)
    end
  end)

  it("are comments to the end of the line, or long ones", function()
    assert.equal(5, lexical.comment:match "--ab\ncd")
    assert.equal(11, lexical.comment:match "--[=[a\n]=]x")
    assert.equal(10, lexical.space:match " --[[ ]] 1")
    assert.is_true(whole(lexical.space, " \t\n-- end"))
    assert.is_nil(lexical.comment:match "--[[ never closed")
  end)
end)

describe("a place in a text", function()
  it("has its line and the line's number", function()
    local number, line = lexical.line_at("a\nbc\r\nd", 3)
    assert.equal(2, number)
    assert.equal("bc", line)
    assert.equal(1, (lexical.line_at("a\nb", 1)))
    assert.equal(3, (lexical.line_at("a\nbc\r\nd", 7)))
  end)
end)
