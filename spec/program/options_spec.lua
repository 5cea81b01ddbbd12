--- A command's arguments.

local options = require "moonvat.program.options"

local KNOWN <const> = { db = "FILE", cranks = "N", json = "flag" }

local function parse(...)
  return options.parse({ ... }, KNOWN)
end

describe("arguments", function()
  it("may have options anywhere, with = or without", function()
    for _, case in ipairs {
      { "a", "--db", "x", "b", "--json", "--cranks=5" },
      { "--json", "--cranks", "5", "--db=x", "a", "b" },
    } do
      local positions, flags = parse(table.unpack(case))
      assert.same({ "a", "b" }, positions)
      assert.same({ db = "x", json = true, cranks = 5 }, flags)
    end
  end)

  it("may be negative numbers, a minus, and anything behind --", function()
    assert.same({ "-5", "-", "-.5", "--json", "--" }, (parse("-5", "-", "-.5", "--", "--json", "--")))
  end)

  it("are taken as they are from a position on", function()
    local positions, flags = options.parse({ "--json", "a", "--json", "--help" }, KNOWN, 2)
    assert.same({ "a", "--json", "--help" }, positions)
    assert.same({ json = true }, flags)
  end)

  it("ask for help", function()
    assert.same({ help = true }, select(2, parse "--help"))
    assert.same({ help = true }, select(2, parse "-h"))
  end)

  it("are refused with the reason", function()
    for message, case in pairs {
      ["there is no option --jso (did you mean --json?)"] = { "--jso" },
      ["there is no option --quite-other"] = { "--quite-other" },
      ["there is no option -j; options are written --name"] = { "-j" },
      ["--json takes no value"] = { "--json=yes" },
      ["--db needs a value: --db FILE"] = { "--db" },
      ["--cranks needs a whole number from 1, not 0"] = { "--cranks", "0" },
      ["--cranks needs a whole number from 1, not 1e3"] = { "--cranks=1e3" },
    } do
      local positions, reason = parse(table.unpack(case))
      assert.is_nil(positions)
      assert.equal(message, reason)
    end
  end)
end)
