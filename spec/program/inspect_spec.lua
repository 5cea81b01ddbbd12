--- How listings and facts look.

local inspect = require "moonvat.program.inspect"

describe("a table for people", function()
  it("aligns by characters, numbers to the right", function()
    assert.same({
      "name   n",
      "\u{e9}\u{e9}     2",
      "abc   10",
    }, inspect.columns({ { name = "\u{e9}\u{e9}", n = 2 }, { name = "abc", n = 10 } },
      { columns = { "name", "n" } }))
  end)

  it("has what is nowhere given on the left", function()
    assert.same({ "fault  n", "-      1", "-      2" },
      inspect.columns({ { n = 1 }, { n = 2 } }, { columns = { "fault", "n" } }))
  end)

  it("has its heading alone when it is empty", function()
    assert.same({ "a  b" }, inspect.columns({}, { columns = { "a", "b" } }))
  end)

  it("shows fields that the listing does not name, behind the others", function()
    assert.same({ "a  x  y", "1  2  3" }, inspect.columns({ { y = 3, a = 1, x = 2 } }, { columns = { "a" } }))
  end)

  it("paints its heading", function()
    assert.same({ "<a>", "1" }, inspect.columns({ { a = 1 } }, { columns = { "a" } }, function(text)
      return "<" .. text .. ">"
    end))
  end)

  it("cuts cells that are long, and says how much is left", function()
    local lines = inspect.columns({ { a = ("\u{e9}"):rep(250) } }, { columns = { "a" } })
    assert.equal(("\u{e9}"):rep(200) .. "...(+50)", lines[2])
  end)

  it("shows lists, names, absent and empty values plainly", function()
    assert.equal("v1, v2", inspect.cell { "v1", "v2" })
    assert.equal("main v1, z v2", inspect.cell { main = "v1", z = "v2" })
    assert.equal("{ 1, 2 }", inspect.cell { 1, 2 })
    for _, value in ipairs { "", {} } do
      assert.equal("-", inspect.cell(value))
    end
    assert.equal("-", inspect.cell(nil))
    assert.equal("yes", inspect.cell(true))
    assert.equal("a\\x1B", inspect.cell "a\27")
    assert.equal('"a"', inspect.cell("a", true))
  end)
end)

describe("facts", function()
  it("come in a fixed order, the known ones first", function()
    assert.same({ "kref     ko1", "owner    v1", "revoked  no", "pins     2", "zebra    -" },
      inspect.facts { zebra = {}, pins = 2, revoked = false, owner = "v1", kref = "ko1" })
  end)

  it("show values as literals", function()
    assert.same({ 'values  1, nil, "x"' }, inspect.facts { values = { 1, nil, "x", n = 3 } })
    assert.same({ "values  none" }, inspect.facts { values = {} })
    assert.same({ 'reason  "why"' }, inspect.facts { reason = "why" })
  end)
end)
