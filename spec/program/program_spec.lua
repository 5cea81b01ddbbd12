--- The program as it is built: processes, databases on disk, exit statuses.

local helpers = require "spec.support.helpers"

local COUNTER <const> = [[
return function(vat, params)
  local baggage = vat.baggage
  baggage.count = baggage.count or params.start or 0
  return Far("Counter", {
    bootstrap = function() print("ready at", baggage.count) end,
    increment = function(_, by)
      baggage.count = baggage.count + (by or 1)
      return baggage.count
    end,
    echo = function(_, ...) return ... end,
    make = function() return Far("Thing", { hello = function() return "hi" end }) end,
    pay = function() error(Error { name = "InsufficientFunds", message = "need 1000, have 70" }) end,
    never = function() return (promise()) end,
    store = function() vat.vatstore.key = "\27[31m" end,
  })
end
]]

local CONFIG <const> = [[
return { bootstrap = "counter", vats = { counter = { source = "counter.lua", parameters = { start = 5 } } } }
]]

describe("the built program", function()
  after_each(helpers.clean)

  local folder, db, program

  local function run(arguments, input)
    return helpers.command(("cd %s && %s %s %s"):format(folder, input or "", program, arguments))
  end

  before_each(function()
    folder = helpers.folder()
    db = folder .. "/c.db"
    program = helpers.program()
    helpers.write(folder .. "/counter.lua", COUNTER)
    helpers.write(folder .. "/c.lua", CONFIG)
  end)

  local function launch()
    local out, err, status = run "run c.lua"
    assert.equal(0, status, err)
    return out, err
  end

  it("launches, goes on, and tells of a changed source", function()
    local out, err = launch()
    assert.equal("counter: ready at\t5\n", out)
    assert.equal("moonvat: launched s1 from c.lua: v1 counter\n", err)
    out, err = launch()
    assert.equal("", out)
    assert.equal("", err)
    helpers.write(folder .. "/counter.lua", COUNTER .. "-- more\n")
    out, err = launch()
    assert.equal("", out)
    helpers.says(err, "c.lua or one of its sources has changed since it was launched")
    os.remove(folder .. "/counter.lua")
    assert.equal("6\n", (run "call c.db counter increment"))
  end)

  it("calls, with the state of the last process", function()
    launch()
    assert.equal("6\n", (run "call c.db counter increment"))
    assert.equal("4\n", (run "call c.db v1 increment -2"))
    local out = run [[call c.db counter echo 1 2.0 nil '"a"' '{ x = { 1 } }' '1/0']]
    assert.equal('1\n2.0\nnil\n"a"\n{ x = { 1 } }\n1/0\n', out)
    assert.equal("", (run "call c.db counter store"))
  end)

  it("installs sources, upgrades vats, and tries before it does", function()
    launch()
    local _
    local out, err, status = run "install c.db counter counter.lua"
    assert.equal(0, status, err)
    assert.matches("^%x+\n$", out)
    assert.equal(64 + 1, #out)
    _, err, status = run "install c.db counter missing.lua"
    assert.equal(1, status)
    helpers.says(err, "missing.lua")
    _, err, status = run "install c.db 'odd name' counter.lua"
    assert.equal(1, status)
    helpers.says(err, "name")
    helpers.write(folder .. "/broken.lua", "return function() error 'not this one' end")
    helpers.write(folder .. "/next.lua", (COUNTER:gsub("return baggage",
      "return 'n', baggage")))
    local before = run "dump c.db"
    out, err, status = run "upgrade c.db counter broken.lua --dry-run"
    assert.same({ "", 1 }, { out, status })
    helpers.says(err, { "would fail", "not this one" })
    out, err, status = run "upgrade c.db counter --dry-run next.lua"
    assert.same({ "{ incarnation = 1 }\n", 0 }, { out, status })
    helpers.says(err, "nothing has been changed")
    assert.equal(before, (run "dump c.db"))
    assert.equal(3, (select(3, run "upgrade c.db nobody next.lua --dry-run")))
    _, err, status = run "upgrade c.db counter broken.lua"
    assert.equal(1, status)
    helpers.says(err, "UpgradeFailed: the upgrade failed, the vat goes on as it was")
    assert.equal("6\n", (run "call c.db counter increment"))
    assert.equal("{ incarnation = 1 }\n", (run "upgrade c.db counter next.lua"))
    assert.equal('"n"\n7\n', (run "call c.db counter increment"))
    assert.equal("c.db: no problems found", (select(2, run "audit c.db"):match "c%.db.*found"))
  end)

  it("collects garbage from the prompt", function()
    launch()
    run "call c.db counter make"
    assert.matches("^%d+ objects? collected\n$", (run("repl c.db", "echo ':gc' |")))
  end)

  it("keeps a reference only while something holds it", function()
    launch()
    local out, _, status = run "call c.db counter make"
    assert.equal(0, status)
    assert.matches("^ko%d+\n$", out)
  end)

  it("has the documented exit statuses", function()
    launch()
    for arguments, want in pairs {
      ["call c.db counter pay"] = 1,
      ["call c.db counter gone"] = 1,
      ["call c.db counter never"] = 1,
      ["run gone.lua"] = 1,
      ["vats gone.db"] = 1,
      ["vats c.lua"] = 1,
      ["install c.db p gone.lua"] = 1,
      ["upgrade c.db counter gone.lua"] = 1,
      [""] = 2,
      ["call c.db counter"] = 2,
      ["call c.db counter echo alice"] = 2,
      ["call c.db bonk x"] = 3,
      ["call c.db ko99 x"] = 3,
      ["call c.db counter echo @ko99"] = 3,
      ["clist c.db v9"] = 3,
      ["show c.db ko99"] = 3,
      ["audit c.db"] = 0,
    } do
      local out, err, status = run(arguments)
      assert.equal(want, status, arguments .. "\n" .. out .. err)
      assert.equal("", out, arguments)
      assert.not_equal("", err, arguments)
    end
    local _, err = run "call c.db counter pay"
    helpers.says(err, "InsufficientFunds: need 1000, have 70\n")
    for _, command in ipairs { "install c.db p", "upgrade c.db counter", "run" } do
      _, err = run(command .. " gone.lua")
      assert.equal("moonvat: gone.lua: no such file\n", err)
    end
    local f = io.open(folder .. "/gone.db")
    assert.is_nil(f)
  end)

  it("stops at a limit with status 4, and goes on later", function()
    helpers.write(folder .. "/two.lua", [[
      return function(vat)
        return Far("Two", {
          bootstrap = function(_, vats) E(vats.b):hello() end,
          hello = function() print "hello" end,
        })
      end
    ]])
    helpers.write(folder .. "/c.lua", [[
      return { bootstrap = "a", vats = { a = { source = "two.lua" }, b = { source = "two.lua" } } }
    ]])
    local out, err, status = run "run c.lua --cranks 1"
    assert.equal(4, status)
    assert.equal("", out)
    helpers.says(err, "stopped after 1 crank; 1 item left in the queue")
    out, err, status = run "run c.lua --cranks 1000"
    assert.equal(0, status, err)
    assert.equal("b: hello\n", out)
  end)

  it("queues what send gives it, and shows the promise until it was seen settled", function()
    launch()
    local kp = run("send c.db counter increment 10"):match "^(kp%d+)\n$"
    helpers.says((run "queue c.db"), "increment")
    helpers.says((run("show c.db " .. kp)), "unresolved")
    assert.equal(0, (select(3, run "run c.lua")))
    helpers.says((run("show c.db " .. kp)), { "fulfilled", "15" })
    local _, err, status = run("show c.db " .. kp)
    assert.equal(3, status, err)
    assert.equal(0, (select(3, run "audit c.db")))
  end)

  it("compacts, says what that means, and goes on", function()
    launch()
    run "call c.db counter increment 5"
    local _, err, status = run "compact c.db"
    assert.equal(0, status, err)
    helpers.says(err, { "deliveries of 1 vat pruned", "KiB", "another build of the vat layer" })
    helpers.says((run "images c.db"), "v1")
    local out = run "call c.db counter increment 1"
    local _, again = run "compact c.db"
    helpers.says(again, "1 delivery of 1 vat pruned")
    assert.equal(out:match "%d+" + 1 .. "\n", (run "call c.db counter increment 1"))
    assert.equal(0, (select(3, run "audit c.db")))
  end)

  it("lists people's columns and programs' objects", function()
    launch()
    run "call c.db counter store"
    for _, command in ipairs {
      "vats", "objects", "promises", "queue", "bundles", "images", "stats", "clusters",
    } do
      local out, err, status = run(command .. " c.db")
      assert.equal(0, status, err)
      assert.equal("", err)
      assert.is_nil(out:find "\27")
      local json = run(command .. " c.db --json")
      for line in json:gmatch "[^\n]+" do
        assert.matches("^{.*}$", line)
      end
    end
    helpers.says((run "vats c.db"), "counter")
    helpers.says((run "vats c.db --json"), { '"id":"v1"', '"name":"counter"', '"state":"running"' })
    assert.equal('key    value\n"key"  "\\x1B[31m"\n', (run "vatstore c.db counter"))
    assert.equal('{"key":"key","value":"\\u001b[31m"}\n', (run "vatstore c.db v1 --json"))
    helpers.says((run "baggage c.db v1"), '"count"      5\n')
    helpers.says((run "clist c.db v1"), "o+0")
    helpers.says((run "show c.db ko1"), { "Counter", "v1" })
  end)

  it("dumps the same for the same state", function()
    launch()
    local before = run "dump c.db"
    assert.not_equal("", before)
    assert.equal(before, (run "dump c.db"))
    run "call c.db counter increment"
    assert.not_equal(before, (run "dump c.db"))
  end)

  it("reads a database in use, and does not write to it", function()
    launch()
    local holder <close> = helpers.open(db)
    holder:call("counter", "increment")
    local _, err, status = run "call c.db counter increment"
    assert.equal(5, status)
    helpers.says(err, "c.db is in use by another process")
    assert.equal(5, (select(3, run "run c.lua")))
    local out
    out, err, status = run "vats c.db"
    assert.equal(0, status, err)
    helpers.says(out, "counter")
    assert.equal("1\n", (run("repl c.db --readonly", "echo '#k:vats()' |")))
  end)

  it("reads a prompt from a pipe", function()
    launch()
    local out, err, status = run("repl c.db", [[printf 'E(counter):increment(2)\n(1 +\n1)\n:run\n{ counter }\n' |]])
    assert.equal(0, status, err)
    assert.matches("^7\n2\n%d+ cranks?, 0 left in the queue\n{ @ko1 }\n$", out)
    out, err, status = run("repl c.db", [[printf 'E(counter):pay()\nE(counter):increment(0)\n' |]])
    assert.equal(1, status)
    assert.equal("7\n", out)
    helpers.says(err, "InsufficientFunds: need 1000, have 70\n")
  end)

  it("says when its output cannot be written", function()
    local _, err, status = run "help >/dev/full"
    assert.equal(1, status)
    helpers.says(err, "moonvat: cannot write to standard output: ")
  end)

  it("finds its modules from any folder, and through a link", function()
    os.execute(("ln -s %s %s/mv"):format(program, folder))
    local out = helpers.command("cd / && env -u LUA_PATH -u LUA_CPATH " .. folder .. "/mv version")
    assert.equal("moonvat 0.1.0\n", out)
  end)
end)
