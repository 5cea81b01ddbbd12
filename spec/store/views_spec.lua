--- The views: what listings, the dump and the audit read, and any SQLite program as well.

local play = require "spec.support.play"

local NAMES <const> = {
  "audit_count", "audit_problem", "audit_sent", "show_bundle", "show_clist", "show_cluster",
  "show_counter", "show_durable", "show_hold", "show_image", "show_object", "show_promise",
  "show_queue", "show_stat", "show_vat", "show_vatstore",
}

--- What the user's own program says, a line each; its exit status is good.
local function sqlite3(path, sql)
  local pipe <close> = assert(io.popen(("sqlite3 '%s' \"%s\" 2>&1"):format(path, sql)))
  local text = {}
  for line in pipe:lines() do
    text[#text + 1] = line
  end
  assert.is_true(pipe:close(), table.concat(text, "\n"))
  return text
end

local function view_names(path)
  return sqlite3(path, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
end

--- A closed database with something in each view.
local function made()
  local path = play.path()
  local k = play.kernel({ "a", "b" }, { b = { parameters = { "ko1", "x" } } }, path)
  k:pin "ko2"
  k:send("ko1", "go", { "ko2" })
  k:crank(function(delivery)
    return { syscalls = {
      { send = "o-1", method = "m", args = { "o+1 Thing" }, result = "p+1" }, { subscribe = "p+1" },
      { send = "p+1", method = "n" },
      { resolve = { { delivery.result, "fulfilled", { "o+2 Held" } } } },
    }, changes = {
      { key = "k", after = "v" }, { space = "durable", key = "d", after = "\x81\x05", slots = { "o-1" } },
    } }
  end)
  assert(k:commit(), k:stopped())
  local dump = k:dump()
  k.kernel:close()
  return path, dump
end

local function refuses(path, reading)
  local k, reason = play.try_open(path, reading)
  assert.is_nil(k)
  assert.equal(path .. " is damaged: its views are not those of its format; use a copy from before", reason)
end

describe("the views", function()
  after_each(play.clean)

  it("are in the file, which is of today's format", function()
    local path = made()
    assert.same({ "4" }, sqlite3(path, "PRAGMA user_version"))
    assert.same(NAMES, view_names(path))
  end)

  it("can be read by the user's own program", function()
    local path = made()
    local empty = { audit_problem = true, show_image = true, show_cluster = true }
    for _, name in ipairs(NAMES) do
      local rows = sqlite3(path, "SELECT * FROM " .. name)
      assert.equal(empty[name] or false, #rows == 0, name)
    end
    assert.same({ "v1|a|running", "v2|b|running" }, sqlite3(path, "SELECT id, name, state FROM show_vat"))
    assert.same({ "ko2|v2|0" }, sqlite3(path, "SELECT kref, owner, is_revoked FROM show_object WHERE number = 2"))
    assert.same({ "message|ko2|v2|" },
      sqlite3(path, "SELECT kind, target, vat, parked FROM show_queue WHERE target = 'ko2'"))
    assert.same({ "kp2|unresolved|1" },
      sqlite3(path, "SELECT kref, state, subscribers FROM show_promise WHERE number = 2"))
  end)

  it("tell the user's own program what breaks a rule", function()
    local path = made()
    sqlite3(path, "UPDATE vat SET bundle = 'none' WHERE id = 2")
    assert.same({ "vat 2: its bundle is not in the database" }, sqlite3(path, "SELECT problem FROM audit_problem"))
  end)

  it("find one thing by its number without reading the others", function()
    local path = made()
    for _, name in ipairs { "show_vat", "show_object", "show_promise", "show_clist", "show_vatstore" } do
      local plan = sqlite3(path, ("EXPLAIN QUERY PLAN SELECT * FROM %s WHERE number = 1"):format(name))
      assert.matches("SEARCH", plan[2], 1, true)
    end
  end)

  it("are made for a file of format 2 when it is opened for writing", function()
    local path, dump = made()
    local k = play.open(path)
    k:make_format_2()
    k:sql "CREATE VIEW show_vat AS SELECT 1 AS number"
    k:sql "CREATE VIEW of_mine AS SELECT 1 AS number"
    assert(k:commit(), k:stopped())
    k.kernel:close()
    local reader, reason = play.try_open(path, true)
    assert.is_nil(reader)
    assert.equal(path .. " was written by an older Moonvat (format 2, now 4): open it for writing once, "
      .. "which brings it up to date", reason)
    k = play.open(path)
    assert.equal(dump, k:dump())
    k:drain()
    k.kernel:close()
    assert.same({ "4" }, sqlite3(path, "PRAGMA user_version"))
    assert.same({ "1" }, sqlite3(path, "SELECT * FROM of_mine"))
    sqlite3(path, "DROP VIEW of_mine")
    assert.same(NAMES, view_names(path))
  end)

  it("that are not those of the format are damage, to a writer and to a reader", function()
    for _, sql in ipairs {
      "DROP VIEW audit_problem",
      "DROP VIEW audit_problem; CREATE VIEW audit_problem AS SELECT 'all is well' AS problem WHERE 0",
      "DROP VIEW show_object; CREATE TABLE show_object (number INTEGER)",
      "DROP VIEW show_vat; CREATE VIEW show_vat AS SELECT * FROM vat JOIN bundle JOIN transcript",
      "DROP VIEW show_stat; CREATE VIEW SHOW_STAT AS SELECT 1 AS name, 2 AS value",
    } do
      local path = made()
      sqlite3(path, sql)
      refuses(path)
      refuses(path, true)
    end
  end)

  it("are no matter of what else is in the file, which may be in another order", function()
    local path, dump = made()
    sqlite3(path, "CREATE VIEW of_mine AS SELECT * FROM show_vat; CREATE TABLE a (b); CREATE INDEX c ON a (b); VACUUM")
    local k = play.open(path)
    assert.equal(dump, k:dump())
  end)
end)
