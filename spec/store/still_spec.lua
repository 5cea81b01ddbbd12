--- A database in a folder where its reader may not write: it is read while nobody writes it.

local helpers = require "spec.support.helpers"

local same = helpers.same

local COUNTER <const> = [[
  return function(vat)
    vat.baggage.count = vat.baggage.count or 0
    return Far("Counter", {
      add = function() vat.baggage.count = vat.baggage.count + 1; return vat.baggage.count end,
    })
  end
]]

-- Lists the vats, says so, and again when it is told to.
local READER <const> = [[
  local k = require "moonvat".open { db = arg[1], readonly = true }
  for _ = 1, 2 do
    local ok, rows = pcall(k.vats, k)
    io.write(ok and rows[1].name .. " " .. rows[1].deliveries or rows, "\n"):flush()
    io.read "l"
  end
]]

-- In front of a command: root, too, may not write where the folder's mode says so.
local function as_user()
  local pipe <close> = assert(io.popen "id -u")
  return pipe:read "l" == "0"
    and "setpriv --bounding-set=-dac_override --inh-caps=-dac_override " or ""
end

describe("a folder that is read-only", function()
  local folder, db

  before_each(function()
    folder = helpers.folder() .. "/a #?%41 \u{e4}"
    assert(os.execute(("mkdir '%s'"):format(folder)))
    db = folder .. "/kernel.db"
    helpers.write(folder .. "/counter.lua", COUNTER)
    local k = helpers.open(db)
    k:create_vat { name = "main", source = folder .. "/counter.lua" }
    k:call("main", "add")
    helpers.close(k)
  end)

  after_each(function()
    os.execute(("chmod 755 '%s'"):format(folder))
    helpers.clean()
  end)

  local function mode(number)
    assert(os.execute(("chmod %s '%s'"):format(number, folder)))
  end

  local function program(arguments)
    return helpers.command(("cd '%s' && %s%s %s"):format(folder, as_user(), helpers.program(),
      arguments))
  end

  it("keeps nobody from reading a database that was closed, by any name", function()
    mode "555"
    for _, name in ipairs { db, "kernel.db", "./kernel.db", "/" .. db } do
      local out, err, status = program(("vats '%s'"):format(name))
      same({ err, status }, { "", 0 }, name)
      helpers.says(out, "main")
    end
    for _, verb in ipairs { "audit kernel.db", "dump kernel.db", "show kernel.db ko1" } do
      same(select(3, program(verb)), 0, verb)
    end
    helpers.says(select(2, program "call kernel.db main add"), "cannot make kernel.db-lock")
    local pipe <close> = assert(io.popen(("ls -A '%s'"):format(folder)))
    same(pipe:read "a", "counter.lua\nkernel.db\n", "the files")
  end)

  it("nor one that another process has, or had when it was killed", function()
    local k = helpers.open(db)
    k:call("main", "add")
    mode "555"
    helpers.says(program "vats kernel.db", "3")
    helpers.copy_db(db, folder .. "/../copy.db")
    mode "755"
    helpers.close(k)
    helpers.copy_db(folder .. "/../copy.db", db)
    mode "555"
    local out, err, status = program "vats kernel.db"
    same({ out, status }, { "", 1 }, "a log alone, without what readers share")
    helpers.says(err, "let this user write to it and to its folder")
  end)

  for _, closed in ipairs { false, true } do
    it("tells a reader when somebody writes, and " .. (closed and "is gone" or "goes on"), function()
      helpers.write(folder .. "/reader.lua", READER)
      mode "555"
      local seen = folder .. "/../seen"
      local reader = assert(io.popen(("%slua5.4 '%s/reader.lua' '%s' >'%s' 2>&1"):format(
        as_user(), folder, db, seen), "w"))
      assert(os.execute(("i=0; until test -s '%s' || test $i = 3000; do sleep 0.01; i=$((i+1)); done")
        :format(seen)))
      mode "755"
      local k = helpers.open(db)
      k:call("main", "add")
      if closed then
        helpers.close(k)
      end
      reader:write "again\n"
      reader:close()
      local lines = helpers.read(seen)
      helpers.says(lines, { "main 2\n", "was written to by another process while it was read" })
    end)
  end
end)
