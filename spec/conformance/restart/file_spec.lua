--- The database file, as it is opened, locked, and refused.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.restart.shared"

local COUNTER = shared.COUNTER
local same = helpers.same

describe("restart: the database file", function()
  after_each(helpers.clean)

  local function lua(code)
    return helpers.command(("'%s' -e '%s'"):format(arg[-1] or "lua5.4", code))
  end

  it("can be open for writing once; others are told, and may read", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    local open = ('print(pcall(require"moonvat".open, { db = "%s" }))'):format(db)
    helpers.says(lua(open), { "false", db .. " is in use by another process" })
    local here = helpers.raises("a second open in this process", require "moonvat".open,
      { db = db })
    helpers.says(here, "in use")
    local out, err, status = helpers.command(("%s vats %s"):format(helpers.program(), db))
    same({ status, err }, { 0, "" }, "moonvat vats")
    helpers.says(out, { "v1", "counter", "running" })
    local _, refusal, code = helpers.command(("%s call %s counter up"):format(
      helpers.program(), db))
    same(code, 5, "moonvat call while it is open here")
    helpers.says(refusal, "is in use by another process")
    same(select(2, helpers.call(k, "counter", "up")), 2, "nothing was disturbed")
    helpers.close(k)
    helpers.says(lua(open), "true")
  end)

  it("shows readers the last commit", function()
    local k = helpers.kernel {
      db = true, open = { commit_every = 1000000 }, vats = { counter = COUNTER },
    }
    k:run()
    local list = ("%s vatstore %s counter"):format(helpers.program(), helpers.db(k))
    k:send("counter", "up"):release()
    k:send("counter", "up"):release()
    k:step()
    assert(not helpers.command(list):find "count", "what is not committed shows")
    k:commit()
    helpers.says(helpers.command(list), "count")
  end)

  it("that is no database, newer, or another program's is refused and left alone", function()
    local folder = helpers.folder()
    local path = folder .. "/some.db"
    local function refused(content, words)
      helpers.write(path, content)
      helpers.says(helpers.raises("open", require "moonvat".open, { db = path }), words)
      same(helpers.read(path), content, "the file was changed")
    end
    refused(("This is a text about vats.\n"):rep(100), { path, "not a" })

    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local good = helpers.read(db)
    local function with(offset, value)
      return good:sub(1, offset) .. (">I4"):pack(value) .. good:sub(offset + 5)
    end
    refused(with(60, 9999), { path, "newer" })
    refused(with(68, 0x12345678), { path, "not a" })
    refused(with(68, 0), path) -- a database of nobody's, with tables that are not ours
    helpers.raises("open in a folder that is not there", require "moonvat".open,
      { db = folder .. "/nowhere/some.db" })
    helpers.raises("open a folder", require "moonvat".open, { db = folder })
    local again = helpers.open(db)
    same(select(2, helpers.call(again, "counter", "up")), 2, "the good one still opens")
  end)

  it("that is cut short never gives a wrong answer", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    for _ = 1, 20 do
      helpers.call(k, "counter", "up")
    end
    local db = helpers.db(k)
    helpers.close(k)
    local good = helpers.read(db)
    local path = helpers.folder() .. "/cut.db"
    for part = 1, 9 do
      helpers.write(path, good:sub(1, #good * part // 10))
      os.remove(path .. "-wal")
      local ok, result = pcall(function()
        local cut <close> = require "moonvat".open { db = path, log = function() end }
        return select(2, cut:call("counter", "up"))
      end)
      assert(not ok or result == 21, ("cut to %d tenths: %s"):format(part, tostring(result)))
    end
  end)

  it("leaves no file behind but the database itself when it is closed", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local out = helpers.command("ls " .. db .. "*")
    for file in out:gmatch "[^\n]+" do
      assert(file == db or file:find "%-lock$", "left behind: " .. file)
    end
  end)

  it(":memory: kernels share nothing", function()
    local a = helpers.kernel { vats = { counter = COUNTER } }
    local b = helpers.kernel { vats = { counter = COUNTER } }
    same({ (helpers.call(a, "counter", "up")), (helpers.call(a, "counter", "up")) }, { 1, 2 }, "a")
    same({ helpers.call(b, "counter", "up") }, { 1, 1, "1", 0 }, "b")
    same({ (helpers.call(a, "counter", "up")) }, { 3 }, "a again")
  end)
end)
