--- The examples do what they say: examples/NAME/run.txt is run, line by line, and what comes to
-- standard output must be examples/NAME/expected.txt. In run.txt, moonvat is the program of this
-- build, and $DB a database that is removed afterwards.

local helpers = require "spec.support.helpers"

local function examples()
  local pipe <close> = assert(io.popen "ls -d examples/*/ | LC_ALL=C sort")
  local names = {}
  for folder in pipe:lines() do
    names[#names + 1] = folder:match "([^/]+)/$"
  end
  return names
end

describe("examples", function()
  after_each(helpers.clean)

  for _, name in ipairs(examples()) do
    it(name, function()
      local folder = "examples/" .. name
      local db = helpers.folder() .. "/" .. name .. ".db"
      local got, trouble = {}, {}
      for line in io.lines(folder .. "/run.txt") do
        if line:find "%S" then
          local command = line:gsub("^moonvat%f[%W]", helpers.program()):gsub("%$DB", db)
          local out, err, status = helpers.command(command)
          got[#got + 1] = out
          trouble[#trouble + 1] = ("$ %s\n(exit status %s)\n%s%s"):format(line, status, out, err)
        end
      end
      local wanted = helpers.read(folder .. "/expected.txt")
      if table.concat(got) ~= wanted then
        error(("%s prints something else\n--- got:\n%s--- wanted:\n%s--- the commands:\n%s"):format(
          name, table.concat(got), wanted, table.concat(trouble)), 0)
      end
    end)
  end

  it("of README's Lua goes on where it was", function()
    local code = helpers.read("README.md"):match "```lua\n(local moonvat.-)```"
    local said = {}
    code = code:gsub('"counter%.db"', ("%q"):format(helpers.folder() .. "/counter.db"))
    for _ = 1, 3 do
      assert(load(code, "=README.md", "t", setmetatable({ print = function(count)
        said[#said + 1] = count
      end }, { __index = _G })))()
    end
    assert.same({ 5, 10, 15 }, said)
  end)

  it("are there", function()
    assert(#examples() >= 1, "no folder in examples/")
  end)
end)
