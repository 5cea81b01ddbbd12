--- What happens to files in real life: no room, no rights, files moved, cut or gone.
--
-- Each is an error that says what is wrong and what to do, and nothing acknowledged is lost.

local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"
local scarce = require "moonvat.scarce"

local same, says, raises = helpers.same, helpers.says, helpers.raises

local COUNTER <const> = [[
  return function(vat)
    local store = vat.vatstore
    return Far("Counter", {
      up = function(self, size)
        store.count = tostring(tonumber(store.count or "0") + 1)
        store["body" .. store.count] = ("x"):rep(size or 0)
        return tonumber(store.count)
      end,
    })
  end
]]

--- A kernel that has counted to n.
local function counted(n, folder)
  local k = helpers.kernel { db = folder and folder .. "/kernel.db" or true, vats = { counter = COUNTER } }
  for _ = 1, n do
    helpers.call(k, "counter", "up")
  end
  return k, helpers.db(k)
end

--- A database as a process leaves it that ends without closing it, with a count of 5.
local function ended()
  local k, db = counted(2)
  helpers.close(k)
  same(scarce.fork(function()
    local other = moonvat.open { db = db }
    for _ = 1, 3 do
      other:call("counter", "up")
    end
  end), 0, "the process")
  assert(helpers.read(db .. "-wal") ~= "", "it left no log")
  return db
end

local function count_in(db)
  local k <close> = moonvat.open { db = db }
  same(k:audit(), {}, "the audit")
  return k:call("counter", "up") - 1
end

local function program(arguments)
  return helpers.command(helpers.program() .. " " .. arguments)
end

describe("a disk without room", function()
  after_each(helpers.clean)

  --- Runs the program where no file may be longer than so many KiB.
  local function within(kilobytes, arguments)
    return helpers.command(("trap '' XFSZ; ulimit -f %d; %s %s"):format(
      kilobytes, helpers.program(), arguments))
  end

  it("fails the program at the write that does not fit; the count before stands", function()
    local k, db = counted(3)
    helpers.close(k)
    local size = #helpers.read(db)
    local out, err, status = within(size // 1024 + 64, "call " .. db .. " counter up 500000")
    same({ out, status }, { "", 1 }, "call: " .. err)
    says(err, { db .. ": the store failed: ", "File too large", "it holds the last commit" })
    same(count_in(db), 3)
  end)

  it("fails the first run, which can be repeated", function()
    local config, folder = helpers.config { vats = { counter = COUNTER } }
    helpers.write(folder .. "/c.lua", 'return { vats = { counter = { source = "counter.lua" } } }')
    assert(config.vats.counter)
    local db = folder .. "/c.db"
    for _, room in ipairs { 1, 8, 60 } do
      local _, err, status = within(room, ("run %s/c.lua --db %s"):format(folder, db))
      same(status, 1, room .. " KiB: " .. err)
      says(err, { db .. ": ", "File too large", "open it again" }, room .. " KiB")
    end
    local _, err, status = program(("run %s/c.lua --db %s"):format(folder, db))
    same(status, 0, err)
    same(count_in(db), 0)
  end)
end)

describe("a user without rights", function()
  after_each(helpers.clean)

  --- Opens it as somebody who is not its owner.
  local function open(db, readonly)
    return scarce.as_nobody(pcall, function()
      local k <close> = moonvat.open { db = db, readonly = readonly }
      return #k:vats()
    end)
  end

  local function set_modes(db, folder, file)
    assert(os.execute(("chmod %s '%s' && chmod %s '%s'"):format(folder, db:match "^(.*)/", file, db)))
  end

  it("to a file may read it, and is told so", function()
    local k, db = counted(1, helpers.folder(true))
    helpers.close(k)
    set_modes(db, "777", "444")
    local good, reason = open(db)
    same(good, false)
    says(reason, { db, "this user may not write to it, only read it" })
    same({ open(db, true) }, { true, 1 })
    set_modes(db, "777", "000")
    says(select(2, open(db)), { db, "let this user write to it" })
    says(select(2, open(db, true)), { db, "ermission denied" })
    set_modes(db, "755", "644")
    same(count_in(db), 1)
  end)

  it("to a folder may read it, and is told to get them, or to copy the file", function()
    local k, db = counted(1, helpers.folder(true))
    helpers.close(k)
    set_modes(db, "555", "666")
    says(select(2, open(db)), { db, "-lock beside it: Permission denied", "or copy it to another one" })
    same({ open(db, true) }, { true, 1 })
    set_modes(db, "755", "644")
    same(count_in(db), 1)
  end)
end)

describe("a database whose file", function()
  after_each(helpers.clean)

  local MOVED <const> = "or its log was moved, removed or replaced while it was open; put it back"

  --- Does something to the files while it is open, and something to mend it when it is closed.
  local function disturbed(disturb, mend)
    local k, db = counted(2)
    disturb(db)
    says(raises("a commit", k.call, k, "counter", "up"), { db, MOVED })
    says(raises("the next one", k.call, k, "counter", "up"), MOVED)
    helpers.close(k)
    mend(db)
    same(count_in(db), 2)
  end

  local function away(db)
    assert(os.rename(db, db .. ".away"))
  end

  local function back(db)
    assert(os.rename(db .. ".away", db))
  end

  it("is moved while it is open stops the kernel", function()
    disturbed(away, back)
  end)

  it("is replaced while it is open stops the kernel", function()
    disturbed(function(db)
      local copy = helpers.read(db)
      away(db)
      helpers.write(db, copy)
    end, back)
  end)

  it("loses its log while it is open stops the kernel, and the log is written back", function()
    disturbed(function(db)
      assert(os.remove(db .. "-wal"))
    end, function() end)
  end)

  it("is removed while it is open stops the kernel", function()
    local k, db = counted(1)
    assert(os.remove(db))
    says(raises("a commit", k.call, k, "counter", "up"), { db, MOVED })
    helpers.close(k)
  end)

  it("is cut short is damaged, whoever looks, at whatever length", function()
    local k, db = counted(3)
    helpers.call(k, "counter", "up", 30000)
    helpers.close(k)
    local whole = helpers.read(db)
    for i, size in ipairs { 50, 100, 512, 4096, 4097, #whole // 2, #whole - 4096 } do
      for _, command in ipairs { "call %s counter up", "vats %s", "dump %s" } do
        if i % 3 == 1 or command:find "call" then
          helpers.write(db, whole:sub(1, size))
          local out, err, status = program(command:format(db))
          same({ out, status }, { "", 1 }, ("cut to %d: %s"):format(size, err))
          assert(err:find("damaged: use a copy from before", 1, true)
            or err:find("not a Moonvat database (file is not a database)", 1, true), err)
        end
      end
    end
    helpers.write(db, whole)
    os.remove(db .. "-wal")
    same(count_in(db), 4)
  end)
end)

describe("a log", function()
  after_each(helpers.clean)

  local BEHIND <const> = { "has less than was committed to it", "-wal was removed or cut", "put the log back",
    "remove", "-lock to go on" }

  for name, change in pairs {
    ["is removed"] = function(path)
      assert(os.remove(path))
    end,
    ["is cut"] = function(path)
      local text = helpers.read(path)
      helpers.write(path, text:sub(1, #text - 100))
    end,
    ["is overwritten"] = function(path)
      helpers.write(path, ("no log "):rep(5000))
    end,
  } do
    it("that " .. name .. " after a crash is missed, by readers too, and can be put back", function()
      local db = ended()
      local log = helpers.read(db .. "-wal")
      change(db .. "-wal")
      for _, command in ipairs { "call %s counter up", "vats %s", "call %s counter up" } do
        local out, err, status = program(command:format(db))
        same({ out, status }, { "", 1 }, err)
        says(err, BEHIND)
      end
      helpers.write(db .. "-wal", log)
      same(count_in(db), 5)
    end)
  end

  it("that is there is taken in, and nothing is left beside the file", function()
    local db = ended()
    same(count_in(db), 5)
    local pipe <close> = assert(io.popen("ls " .. db .. "*"))
    same(pipe:read "a", db .. "\n", "the files")
  end)

  it("that is gone can be done without, once the lock's file is removed", function()
    local db = ended()
    os.remove(db .. "-wal")
    says(raises("open", moonvat.open, { db = db }), BEHIND)
    assert(os.remove(db .. "-lock"))
    assert(count_in(db) < 5)
  end)

  it("that a copy from before does not have is missed as well", function()
    local k, db = counted(1)
    helpers.close(k)
    local before = helpers.read(db)
    local other = ended()
    os.remove(other .. "-wal")
    helpers.write(other, before)
    says(raises("open", moonvat.open, { db = other }), BEHIND)
  end)
end)
