--- The file: what it is, who has it, and what happens when it fails.

local kerneltest = require "moonvat.kerneltest"
local play = require "spec.support.play"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local function refuses(path, pattern, reading)
  local k, reason = play.try_open(path, reading)
  assert.is_nil(k)
  assert.is_truthy(reason:find(pattern), reason)
end

local function files(path)
  local pipe <close> = assert(io.popen("ls -A " .. path:match "^(.*)/"))
  return pipe:read "a"
end

describe("opening", function()
  after_each(play.clean)

  it("creates the file, and leaves nothing beside it when closed", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    k:commit()
    k.kernel:close()
    assert.equal("kernel.db\n", files(path))
    assert.equal("SQLite format 3", read(path):sub(1, 15))
  end)

  it("is refused while another has it, in this process too; a reader is welcome", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    refuses(path, "kernel%.db is in use by another process$")
    k:commit()
    local reader = assert(play.try_open(path, true))
    k:send("ko1", "unseen", {})
    assert.equal(0, reader:value "SELECT count(*) FROM queue")
    k:commit()
    assert.equal(1, reader:value "SELECT count(*) FROM queue")
    k.kernel:close()
    assert(play.try_open(path))
  end)

  it("is refused through any link, too, and a file that was opened through one is watched", function()
    local folder = play.folder()
    assert(os.execute(("cd '%s' && mkdir real && ln -s real linked && ln -s real/kernel.db link.db"):format(folder)))
    local k = play.kernel({ "a" }, nil, folder .. "/linked/kernel.db")
    k:commit()
    for _, path in ipairs { "/real/kernel.db", "/link.db", "/real/../linked/kernel.db" } do
      refuses(folder .. path, "%.db is in use by another process$")
    end
    assert.equal("link.db\nlinked\nreal\n", files(folder .. "/x"))
    k.kernel:close()
    k = play.open(folder .. "/link.db")
    refuses(folder .. "/real/kernel.db", "%.db is in use by another process$")
    k:commit()
    os.remove(folder .. "/real/kernel.db-wal")
    k:send("ko1", "m", {})
    assert.is_false((k:commit()))
    assert.is_truthy(k:stopped():find("link.db or its log was moved, removed or replaced", 1, true), k:stopped())
  end)

  it("refuses what is no database, another program's, or a newer format, and leaves it alone", function()
    local path = play.path()
    write(path, ("no database\n"):rep(1000))
    local before = read(path)
    refuses(path, "kernel%.db: not a Moonvat database %(file is not a database%)")
    assert.equal(before, read(path))
    write(path, "")
    refuses(path, "kernel%.db: empty, and no database yet: open it for writing to make it one", true)
    assert.equal("", read(path))
    local k = play.kernel({ "a" }, nil, path)
    k:sql "PRAGMA application_id = 17"
    k:commit()
    k.kernel:close()
    before = read(path)
    refuses(path, "not a Moonvat database %(it belongs to another program%)")
    refuses(path, "not a Moonvat database %(it belongs to another program%)", true)
    assert.equal(before, read(path))
    play.clean()
    path = play.path()
    k = play.kernel({ "a" }, nil, path)
    k:sql "PRAGMA user_version = 99"
    k:commit()
    k.kernel:close()
    refuses(path, "was written by a newer Moonvat %(format 99; this program knows up to %d+%)")
    assert.equal("kernel.db\n", files(path))
  end)

  it("brings a database of an older format up to date, and shows it to readers after that", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    k:send("ko1", "hello", {})
    local dump = k:dump()
    k:make_format_1()
    k:commit()
    k.kernel:close()
    refuses(path, "written by an older Moonvat %(format 1, now 4%): open it for writing once", true)
    local again <close> = assert(kerneltest.open(path))
    assert.equal(dump, again:dump())
    assert.same({ { 4 } }, again:sql "PRAGMA user_version")
    assert.same({}, again:sql "SELECT * FROM image")
    assert.same({ { 1 } }, again:sql "SELECT id FROM object WHERE root")
    assert.equal("", again:audit())
  end)

  it("refuses a path that cannot be", function()
    refuses(play.folder() .. "/none/kernel.db", "none/kernel%.db: .*No such file or directory")
    refuses(play.folder() .. "/kernel.db", "kernel%.db: No such file or directory", true)
    refuses(play.folder(), "%(Is a directory%): name a file, not a folder$")
  end)

  it("goes on with a truncated file only to say so", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    for i = 1, 200 do
      k:send("ko1", "m" .. i, {})
    end
    k:commit()
    k.kernel:close()
    local whole = read(path)
    for _, size in ipairs { 100, 4096, 8192, #whole // 2, #whole - 1 } do
      write(path, whole:sub(1, size))
      local reopened, reason = play.try_open(path)
      if reopened then
        while reopened:begin() == "deliver" do
          reopened:finish {}
        end
        if not reopened:commit() then
          reason = reopened:stopped()
        end
        reopened.kernel:close()
      end
      assert.is_truthy(reason or size == #whole - 1, "cut to " .. size)
    end
  end)
end)

describe("a block", function()
  after_each(play.clean)

  it("that was not committed is not there", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    k:commit()
    local before = k:dump()
    k:send("ko1", "lost", {})
    k:crank()
    k.kernel:close()
    k = play.open(path)
    assert.equal(before, k:dump())
    assert.equal("ok", k:value "PRAGMA integrity_check")
  end)

  it("whose commit fails stops the kernel for good, and the file has the last one", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    k:commit()
    local before = k:dump()
    k:send("ko1", "m", {})
    k:sql "PRAGMA query_only = ON"
    k:send("ko1", "n", {})
    assert.is_false(k:commit())
    local why = k:stopped()
    assert.is_truthy(why:find("the store failed: .*; it holds the last commit"), why)
    k:sql "PRAGMA query_only = OFF"
    assert.is_false(k:commit())
    assert.equal(why, k:stopped())
    assert.equal("stopped", (k:begin()))
    k.kernel:close()
    k = play.open(path)
    assert.equal(before, k:dump())
  end)

  it("that the disk has no room for stops the kernel with a clear error", function()
    local path = play.path()
    local k = play.kernel({ "a" }, nil, path)
    k:commit()
    local before = k:dump()
    k:sql("PRAGMA max_page_count = " .. k:value "PRAGMA page_count" + 2)
    for i = 1, 500 do
      k:send("ko1", "m" .. i, { ("x"):rep(1000) })
    end
    assert.is_false(k:commit())
    assert.is_truthy(k:stopped():find "the store failed: database or disk is full", k:stopped())
    k.kernel:close()
    k = play.open(path)
    assert.equal(before, k:dump())
    k:check()
  end)
end)
