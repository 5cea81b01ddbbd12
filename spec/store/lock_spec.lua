--- Who may write to a database, and by which name: the lock on the file, the note beside it, and
-- the name that the file itself keeps.

local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local raises, same, says = helpers.raises, helpers.same, helpers.says

after_each(helpers.clean)

local COUNTER <const> = [[
return function(vat)
  local baggage = vat.baggage
  baggage.count = baggage.count or 0
  return Far("Counter", {
    up = function()
      baggage.count = baggage.count + 1
      return baggage.count
    end,
  })
end
]]

local function counter()
  local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
  helpers.call(k, "counter", "up")
  return k, helpers.db(k)
end

local function shell(command, ...)
  assert(os.execute(command:format(...)), command)
end

--- A database whose writer was killed after so many calls: its log is beside it.
local function killed(calls)
  local k, db = counter()
  helpers.close(k)
  local code = [[
    local k = require "moonvat".open { db = "%s", commit_every = 1 }
    for _ = 1, %d do k:call("counter", "up") end
    local file = io.open "/proc/self/stat"
    local id = file:read "n"
    os.execute("kill -9 " .. id)
  ]]
  helpers.command(("'%s' -e '%s'"):format(arg[-1] or "lua5.4", code:format(db, calls)))
  return db
end

local function first_answer(db)
  local k <close> = moonvat.open { db = db }
  return k:call("counter", "up")
end

describe("the lock", function()
  it("follows the file: a second name of it lets no second writer in", function()
    local k, db = counter()
    local other = helpers.folder() .. "/other.db"
    shell("ln '%s' '%s'", db, other)
    says(raises("in this process", moonvat.open, { db = other }), { other, "open it as " .. db })
    local _, err, status = helpers.command(("%s call %s counter up"):format(helpers.program(), other))
    same(status, 5, err)
    says(err, "other.db is in use by another process")
    same(helpers.call(k, "counter", "up"), 2, "nothing was disturbed")
  end)

  it("is not beside the file: nobody gets in when the note is deleted", function()
    local k, db = counter()
    assert(os.remove(db .. "-lock"))
    says(raises("in this process", moonvat.open, { db = db }), "in use")
    local _, err, status = helpers.command(("%s call %s counter up"):format(helpers.program(), db))
    same(status, 5, err)
    same(helpers.call(k, "counter", "up"), 2, "nothing was disturbed")
  end)

  it("is given up at close, whatever else of this process still reads the file", function()
    local k, db = counter()
    local reader = helpers.open(db, { readonly = true })
    helpers.close(k)
    same(first_answer(db), 2, "a second writer")
    local again = helpers.open(db)
    helpers.close(reader)
    local out, err, status = helpers.command(("%s call %s counter up"):format(helpers.program(), db))
    same({ out, status }, { "", 5 }, err)
    same(helpers.call(again, "counter", "up"), 3, "the third")
  end)

  it("of SQLite stays when a refused opening ends: another program leaves the log alone", function()
    local k, db = counter()
    for _ = 1, 3 do
      raises("a second opening", moonvat.open, { db = db })
      local reader = helpers.open(db, { readonly = true })
      helpers.close(reader)
    end
    shell("sqlite3 '%s' 'SELECT count(*) FROM vat' >/dev/null", db)
    shell("test -f '%s-wal'", db)
    same(helpers.call(k, "counter", "up"), 2, "it goes on")
    helpers.close(k)
    same(first_answer(db), 3, "what the log had")
  end)

  it("is refused to what is no file", function()
    local path = helpers.folder() .. "/pipe.db"
    shell("mkfifo '%s'", path)
    says(raises("open", moonvat.open, { db = path }), { path, "name a file" })
    local _, err, status = helpers.command(("timeout 5 %s vats %s"):format(helpers.program(), path))
    same(status, 1, err)
    says(err, "name a file")
  end)

  it("of a database that is made through links lies where they lead", function()
    local folder = helpers.folder()
    shell("mkdir '%s/real' && cd '%s' && ln -s real/kernel.db one.db && ln -s one.db two.db", folder,
      folder)
    local k = helpers.open(folder .. "/two.db")
    shell("test -f '%s/real/kernel.db-lock'", folder)
    says(raises("by its own name", moonvat.open, { db = folder .. "/real/kernel.db" }), "in use")
    helpers.close(k)
    shell("test ! -e '%s/two.db-lock'", folder)
    shell("ln -s loop.db '%s/loop.db'", folder)
    says(raises("in a circle", moonvat.open, { db = folder .. "/loop.db" }), "symbolic links")
  end)

  it("leaves nothing where a database could not be made", function()
    local path = helpers.folder() .. "/no/such/folder.db"
    says(raises("open", moonvat.open, { db = path }), { path, "make its folder first" })
  end)
end)

describe("a database with two names", function()
  it("is opened after a kill only by the name that has its log", function()
    local db = killed(9)
    local other = helpers.folder() .. "/other.db"
    shell("ln '%s' '%s'", db, other)
    says(raises("by the other name", moonvat.open, { db = other }), { other, "open it as " .. db })
    for _, verb in ipairs { "vats %s", "call %s counter up" } do
      local out, err, status = helpers.command((helpers.program() .. " " .. verb):format(other))
      same({ out, status }, { "", 1 }, err)
      says(err, "open it as " .. db)
    end
    same(first_answer(db), 11, "one before, nine from the log, this one")
  end)

  it("is opened by either when it was closed well", function()
    local k, db = counter()
    helpers.close(k)
    local other = helpers.folder() .. "/other.db"
    shell("ln '%s' '%s'", db, other)
    same(first_answer(other), 2, "by the other name")
    same(first_answer(db), 3, "by the first")
  end)

  it("goes on under a new name when the old one is gone", function()
    local k, db = counter()
    helpers.close(k)
    local other = helpers.folder() .. "/other.db"
    shell("ln '%s' '%s' && mv '%s' '%s.moved'", db, other, db, db)
    same(first_answer(other), 2, "by the name that is left")
  end)
end)
