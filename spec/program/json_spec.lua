--- Values as JSON.

local json = require "moonvat.program.json"

describe("JSON", function()
  it("spells each value", function()
    for text, value in pairs {
      ["3"] = 3, ["3.0"] = 3.0, ["-9223372036854775808"] = math.mininteger, ["1e+100"] = 1e100,
      ["true"] = true, ['""'] = "", ["[]"] = {}, ["[1,[2]]"] = { 1, { 2 } },
      ['{"a":1,"b":[]}'] = { b = {}, a = 1 }, ['{"1":1,"x":2}'] = { 1, x = 2 }, ['{"2":1}'] = { [2] = 1 },
    } do
      assert.equal(text, json.encode(value))
    end
    assert.equal("null", json.encode(nil))
    for _, number in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      assert.equal("null", json.encode(number))
    end
  end)

  it("escapes what JSON and terminals must not see", function()
    assert.equal([["\"\\\n\t\u0000\u001b\u007f/"]], json.encode '"\\\n\t\0\27\127/')
    assert.equal('"\u{e9}\u{1f600}"', json.encode "\u{e9}\u{1f600}")
    assert.equal([["\u202e\udb40\udc41"]], json.encode "\u{202e}\u{e0041}")
  end)

  it("shows bytes that are no UTF-8 in hexadecimal", function()
    assert.equal('{"hex":"ff0061"}', json.encode "\xff\0a")
  end)

  it("names each key once", function()
    for text, value in pairs {
      ['{"[1]":"number","1":"text"}'] = { "number", ["1"] = "text" },
      ['{"[[1.5]]":1,"1.5":2,"[1.5]":3}'] = { [1.5] = 1, ["1.5"] = 2, ["[1.5]"] = 3 },
      ['{"\\\\xFF":1,"[\\\\xFF]":2}'] = { ["\\xFF"] = 1, ["\xFF"] = 2 },
      ['{"1.5":2}'] = { [1.5] = 2 },
    } do
      assert.equal(text, json.encode(value))
    end
  end)

  it("gives a row every column", function()
    assert.equal('{"a":null,"b":1,"c":2}', json.row({ b = 1, c = 2 }, { "b", "a" }))
  end)
end)
