--- Rows are changed by an edit alone, which the journal can undo.
--
-- A build with CHECK keeps a sum of each row and aborts when one was changed otherwise. A child
-- process of each test does it: a release build has nothing to see, and says so.

local rowtest = require "moonvat.rowtest"

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- What a process says that changes a row without an edit, or not, and goes on like this.
local function output(meddles, how)
  local script = ("require 'moonvat.rowtest'.change(%s, '%s') io.stderr:write 'went on'")
    :format(meddles, how)
  local lua = arg and arg[-1] or "lua5.4"
  local pipe <close> = assert(io.popen(quote(lua) .. " -e " .. quote(script) .. " 2>&1"))
  return pipe:read "a"
end

describe("a row", function()
  for _, how in ipairs { "edit", "commit", "undo" } do
    it("that was changed without an edit ends the process: " .. how, function()
      assert.equal("went on", output(false, how))
      if not rowtest.checks() then
        print "not seen: this is a build without CHECK"
        return
      end
      local text = output(true, how)
      assert.is_truthy(text:find("a row of the table object changed without an edit", 1, true), text)
      assert.is_nil(text:find "went on")
    end)
  end
end)
