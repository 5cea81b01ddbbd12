--- SECURITY.md names specs and scripts that are there.

local attacks = require "spec.support.attacks"
local helpers = require "spec.support.helpers"

describe("SECURITY.md", function()
  local text = helpers.read "SECURITY.md"

  it("names specs that are there, and one for each promise", function()
    local count = 0
    for path in text:gmatch "`(spec/[%w_/]+%.lua)`" do
      count = count + 1
      assert(#helpers.read(path) > 0, path)
    end
    assert(count >= 15, count)
    local promises = text:match "## Promised\n(.-)\n## "
    for row in promises:gmatch "\n(|[^\n]+)" do
      assert(row:find "^| promise" or row:find "^|%-" or row:find "`spec/", row)
    end
  end)

  it("names defects by their scripts", function()
    local names, count = {}, 0
    for _, script in ipairs(attacks.list "defects") do
      names[script.name] = true
    end
    for name in text:match("| defect |.+"):gmatch "\n| ([^|]+) |" do
      if not name:find "^%-" then
        count = count + 1
        assert(names[name], name)
      end
    end
    assert(count > 10, count)
  end)

  it("is right about what the self-test looks at", function()
    local probe = helpers.read "csrc/vat/machine/lua544.c"
    assert(probe:find("__concat", 1, true) and probe:find("__mode", 1, true))
  end)
end)
