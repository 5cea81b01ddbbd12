--- Rows are changed by an edit alone, which the journal can undo.
--
-- A build with CHECK keeps a sum of each row and aborts when one was changed otherwise. A child
-- process of each test does it: a release build has nothing to see, and says so.

local play = require "spec.support.play"
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

describe("numbers that are given again", function()
  after_each(play.clean)

  --- A crank that makes a row of every noun with numbers, which a flush writes before it is undone.
  local function undone(k)
    k:start_begin()
    k:start_vat("undone", { parameters = { "ko1" }, memory_limit = 1000000, critical = true })
    assert(k:start_finish { interface = "Undone", syscalls = {
      { send = "o-1", args = { "p+1", "o+1 Undone" }, result = "p+2" }, { subscribe = "p+2" } } })
    assert.equal(1, k:value "SELECT count(*) FROM vat WHERE name = 'undone'")
    assert.equal(1, k:value "SELECT count(*) FROM subscriber")
    k:start_end(false)
  end

  it("bring nothing of an undone crank back, which was flushed midway", function()
    local k = play.kernel({ "a" }, nil, play.path())
    for i = 2, 400 do -- their rows are moved to more buckets, more than once
      undone(k)
      k:start("kept", { parameters = { "ko1" } }, { interface = "Kept", syscalls = {
        { send = "o-1", args = { "p+1", "o+1 Kept" }, result = "p+2" } } })
      if i % 100 == 2 then
        k:check()
        assert(k:commit())
      end
    end
    undone(k)
    k:check()
    k:reopen()
    k:check()
    assert.equal(0, k:value "SELECT count(*) FROM vat WHERE name = 'undone' OR memory_limit = 1000000 OR critical")
    assert.equal(0, k:value "SELECT count(*) FROM object WHERE interface = 'Undone'")
    assert.equal(0, k:value "SELECT count(*) FROM subscriber")
    assert.same({ 400, 799, 399 }, { k:value "SELECT count(*) FROM vat",
      k:value "SELECT count(*) FROM object", k:value "SELECT count(*) FROM queue" })
  end)
end)
