--- The program's commands, in a world of tables: what they print where, and their exit status.

local failure = require "moonvat.failure"
local fake = require "spec.program.fixtures.fake"
local helpers = require "spec.support.helpers"
local commands = require "moonvat.program.commands"

local function run(k, ...)
  return fake.run(k or fake.kernel(), { ... })
end

describe("the program", function()
  after_each(helpers.clean)

  it("explains itself without a command, with status 2", function()
    local status, out, err = run()
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("^usage: moonvat COMMAND", err)
  end)

  it("explains every command when asked, on standard output", function()
    for _, name in ipairs { "help", "--help", "-h" } do
      local status, out, err = run(nil, name)
      assert.equal(0, status)
      assert.equal("", err)
      for _, command in ipairs(commands.list) do
        assert.truthy(out:find("\n  " .. command.name .. " ", 1, true), command.name)
      end
    end
    for _, command in ipairs(commands.list) do
      local _, by_help = run(nil, "help", command.name)
      assert.truthy(by_help:find("usage: moonvat " .. command.name, 1, true))
      if command.free_from ~= 1 then
        local status, by_option = run(nil, command.name, "--help")
        assert.equal(0, status)
        assert.equal(by_help, by_option)
      end
    end
  end)

  it("has a man page that says what the table of commands says", function()
    local page = helpers.read "csrc/program/moonvat.1"
    local update = dofile "csrc/program/man.lua"
    assert.equal(update(page), page, "write it anew: lua5.4 csrc/program/man.lua csrc/program/moonvat.1")
    for _, command in ipairs(commands.list) do
      assert.truthy(page:find("\n%.It Cm " .. command.name .. "\n"), command.name)
      for option in command.takes:gmatch "%-%-([%l-]+)" do
        assert.truthy(page:find("Op Fl -" .. option, 1, true), option)
      end
    end
    for i = 1, 6 do
      assert.truthy(page:find("\n.It " .. i .. "\n", 1, true), i)
    end
  end)

  it("finds the nearest command and option", function()
    local status, _, err = run(nil, "vat", "x.db")
    assert.equal(2, status)
    assert.equal("moonvat: there is no command vat (did you mean vats?); moonvat help lists them\n", err)
    status, _, err = run(nil, "vats", "x.db", "--jsn")
    assert.equal(2, status)
    assert.equal("moonvat: there is no option --jsn (did you mean --json?)\n"
      .. "usage: moonvat vats DB [--json]\n", err)
    assert.equal(2, (run(nil, "help", "cal")))
    status, _, err = run(nil, "")
    assert.equal(2, status)
    assert.equal('moonvat: there is no command ""; moonvat help lists them\n', err)
  end)

  it("refuses too few and too many arguments, with the usage", function()
    for _, case in ipairs {
      { "METHOD is missing", "call", "a.db", "x" },
      { "DB is missing", "vats" },
      { "VAT is missing", "clist", "a.db" },
      { "CONFIG is missing", "run" },
      { "too many arguments, from y", "vats", "a.db", "y" },
      { "--cranks needs a whole number from 1, not x", "run", "a.lua", "--cranks", "x" },
      { "--cranks needs a value: --cranks N", "run", "a.lua", "--cranks" },
      { "--json takes no value", "vats", "a.db", "--json=1" },
      { "--db needs a value: --db FILE", "run", "a.lua", "--db", "--cranks" },
      { "CONFIG is empty", "run", "" },
      { "DB is empty", "vats", "" },
      { "TARGET is empty", "call", "a.db", "", "x" },
      { "METHOD is empty", "send", "a.db", "x", "" },
      { "SOURCE is empty", "upgrade", "a.db", "v1", "" },
      { 'too many arguments, from ""', "vats", "a.db", "" },
      { "too many arguments, from call", "help", "run", "call" },
    } do
      local status, out, err = run(nil, table.unpack(case, 2))
      assert.equal(2, status)
      assert.equal("", out)
      helpers.says(err, { "moonvat: " .. case[1], "usage: moonvat " .. case[2] })
    end
  end)

  it("says its version", function()
    for _, name in ipairs { "version", "--version" } do
      local status, out = run(nil, name)
      assert.equal(0, status)
      assert.equal("moonvat 0.1.0\n", out)
    end
  end)

  it("makes no database by looking at one", function()
    for _, command in ipairs { { "vats" }, { "call", "x", "y" }, { "repl" }, { "dump" } } do
      local status, _, err, world = run(nil, command[1], "missing.db", table.unpack(command, 2))
      assert.equal(1, status)
      helpers.says(err, "moonvat: missing.db: no such database")
      assert.same({}, world.opened)
    end
  end)

  it("says that a database in memory begins empty, where that is of no use", function()
    for _, command in ipairs { { "vats" }, { "call", "x", "y" }, { "repl", "--readonly" } } do
      local status, _, err, world = run(nil, command[1], ":memory:", table.unpack(command, 2))
      assert.equal(2, status)
      assert.equal("moonvat: a database in memory begins empty; name a file, as in bank.db\n", err)
      assert.same({}, world.opened)
    end
    assert.equal(0, (run(fake.kernel(), "repl", ":memory:")))
  end)

  it("looks at a database in use, and sends to none", function()
    local k = fake.kernel { vats = function() return {} end }
    assert.equal(0, (run(k, "vats", "used.db")))
    local status, _, err = run(k, "call", "used.db", "x", "y")
    assert.equal(5, status)
    assert.equal("moonvat: used.db is in use by another process\n", err)
    assert.equal(5, (run(k, "repl", "used.db")))
    assert.equal(0, (run(k, "repl", "used.db", "--readonly")))
  end)

  it("writes vats' lines to standard output and the rest to standard error", function()
    local world = fake.world(fake.kernel())
    world.log { vat = "main", level = "print", text = "hello" }
    world.log { vat = "main", level = "print", text = "two\nlines \27[31m" }
    world.log { vat = "main", level = "fault", text = "main.lua:3: boom" }
    world.log { level = "notice", text = "note" }
    assert.equal("main: hello\nmain: two\nmain: lines \\x1B[31m\n", world.stdout)
    assert.equal("main: fault: main.lua:3: boom\nmoonvat: notice: note\n", world.stderr)
  end)

  it("colours only a terminal that wants it", function()
    local function heading(terminal, environment)
      return fake.world(fake.kernel(), { terminal = terminal, environment = environment }).heading
    end
    assert.is_nil(heading({}))
    assert.is_function(heading({ stdout = true }))
    assert.is_function(heading({ stdout = true }, { NO_COLOR = "" }))
    assert.is_nil(heading({ stdout = true }, { NO_COLOR = "1" }))
    assert.is_nil(heading({ stdout = true }, { TERM = "dumb" }))
  end)
end)

describe("moonvat call", function()
  after_each(helpers.clean)

  local k

  before_each(function()
    k = fake.kernel {
      answers = {
        bank = {
          balance = { 70, 3.0, nil, "a\27", n = 4 },
          open = { fake.reference "ko25", { fake.reference "ko26" }, n = 2 },
          nothing = { n = 0 },
          pay = { reason = fake.error_value("InsufficientFunds", "need 1000, have 70") },
          odd = { reason = "no such vat: me" },
        },
      },
      known = { ko20 = fake.reference "ko20" },
    }
  end)

  it("prints each value as a literal on a line of its own", function()
    local status, out, err = run(k, "call", "bank.db", "bank", "balance")
    assert.equal(0, status)
    assert.equal('70\n3.0\nnil\n"a\\x1B"\n', out)
    assert.equal("", err)
    status, out = run(k, "call", "bank.db", "bank", "nothing")
    assert.equal(0, status)
    assert.equal("", out)
  end)

  it("prints a reference as it is typed again", function()
    local _, out = run(k, "call", "bank.db", "bank", "open")
    assert.equal("ko25\n{ @ko26 }\n", out)
  end)

  it("prints a rejection to standard error, with status 1", function()
    local status, out, err = run(k, "call", "bank.db", "bank", "pay")
    assert.equal(1, status)
    assert.equal("", out)
    assert.equal("InsufficientFunds: need 1000, have 70\n", err)
    status, out, err = run(k, "call", "bank.db", "bank", "odd")
    assert.equal(1, status)
    assert.equal("", out)
    assert.equal('"no such vat: me"\n', err)
  end)

  it("reads its arguments as literals and references", function()
    run(k, "call", "bank.db", "bank", "balance", "-5", "nil", '{ to = @ko20, "x" }', "--1", "0x10")
    assert.equal(0, #k.sent)
    run(k, "call", "bank.db", "@bank", "balance", "-5", "nil", '{ to = @ko20, "x" }', "@ko20", "nil")
    local sent = k.sent[1]
    assert.equal("bank", sent.target)
    assert.equal(5, sent.n)
    assert.equal(-5, sent[1])
    assert.is_nil(sent[2])
    assert.equal("x", sent[3][1])
    assert.equal(k.known.ko20, sent[3].to)
    assert.equal(k.known.ko20, sent[4])
  end)

  it("refuses what is no literal, and sends nothing", function()
    local status, _, err = run(k, "call", "bank.db", "bank", "balance", "1", "alice")
    assert.equal(2, status)
    assert.equal('moonvat: argument 2, alice: alice is no literal (a string is written in quotes, '
      .. '"alice") at character 1\n', err)
    assert.same({}, k.sent)
    assert.is_true(k.closed)
    _, _, err = run(k, "call", "bank.db", "bank", "balance", "")
    helpers.says(err, 'moonvat: argument 1, "": ')
    _, _, err = run(k, "call", "bank.db", "bank", "balance", "--json")
    assert.equal("moonvat: argument 1, --json: no option, for what follows METHOD is a value, "
      .. "and no value either\n", err)
  end)

  it("has status 3 when there is no such vat or reference", function()
    local status, _, err = run(k, "call", "bank.db", "bonk", "balance")
    assert.equal(3, status)
    assert.equal("moonvat: no such vat: bonk; moonvat vats DB lists those that there are\n", err)
    status, _, err = run(k, "call", "bank.db", "bank", "balance", "{ @ko99 }")
    assert.equal(3, status)
    assert.equal("moonvat: no such reference: ko99\n", err)
  end)

  it("says when the result never settles", function()
    k.answers.bank.sleep = nil
    local status, _, err = run(k, "call", "bank.db", "bank", "sleep")
    assert.equal(1, status)
    assert.equal("moonvat: kp41 is still unresolved, and there is nothing left to run\n", err)
  end)

  it("runs what the call has left behind, too", function()
    table.insert(k.waiting, fake.handle("kp2", { n = 0 }))
    k.send = function(self)
      local handle = fake.handle("kp9", { 1, n = 1 })
      table.insert(self.waiting, 1, handle)
      return handle
    end
    run(k, "call", "bank.db", "bank", "balance")
    assert.equal(2, k.cranks)
  end)
end)

describe("moonvat send", function()
  it("prints the promise and keeps it, and runs nothing", function()
    local k = fake.kernel { answers = { bank = { pay = { n = 0 } } } }
    local status, out = run(k, "send", "bank.db", "bank", "pay", "1")
    assert.equal(0, status)
    assert.equal("kp41\n", out)
    assert.same({ kp41 = true }, k.pinned)
    assert.equal(0, k.cranks)
    assert.is_true(k.closed)
  end)
end)

describe("moonvat show", function()
  local function kernel(facts)
    local k = fake.kernel { show = function() return facts end }
    k.pinned.kp41 = true
    return k
  end

  it("shows each fact on a line", function()
    local k = kernel {
      kref = "kp41", state = "rejected", refcount = 1,
      reason = fake.error_value("InsufficientFunds", "need 1000, have 70"),
    }
    local status, out = run(k, "show", "bank.db", "kp41")
    assert.equal(0, status)
    helpers.says(out, { "kref      kp41\n", "state     rejected\n", "refcount  1\n",
      "reason    InsufficientFunds: need 1000, have 70\n" })
  end)

  it("lets go a promise that it has shown settled, and no other", function()
    local k = kernel { kref = "kp41", state = "unresolved" }
    run(k, "show", "bank.db", "kp41")
    assert.is_true(k.pinned.kp41)
    k = kernel { kref = "kp41", state = "fulfilled", values = { 1, fake.reference "ko3", n = 2 } }
    local _, out = run(k, "show", "bank.db", "@kp41")
    assert.is_nil(k.pinned.kp41)
    helpers.says(out, { "values   1, @ko3\n", "holders  pin\n" })
  end)

  it("shows a promise also while the database is in use", function()
    local k = kernel { kref = "kp41", state = "fulfilled", values = { 1, n = 1 } }
    assert.equal(0, (run(k, "show", "used.db", "kp41")))
    assert.is_true(k.pinned.kp41)
  end)

  it("takes krefs only", function()
    for _, command in ipairs { "show", "holders" } do
      local status, _, err = run(kernel {}, command, "bank.db", "v1")
      assert.equal(2, status)
      helpers.says(err, "v1 is no reference; write ko20 for an object, kp40 for a promise")
    end
  end)

  it("may have the @ of a value before it, for holders too", function()
    local k = fake.kernel { holders = function(_, kref)
      return { { kind = "pin", holder = kref, detail = "once" } }
    end }
    local status, out = run(k, "holders", "bank.db", "@ko20")
    assert.equal(0, status)
    assert.equal("kind  holder  detail\npin   ko20    once\n", out)
  end)
end)

describe("a listing", function()
  local k = fake.kernel {
    vats = function()
      return {
        { id = "v1", name = "main", cluster = "s1", state = "running", incarnation = 0, deliveries = 12 },
        { id = "v10", name = "x\27", state = "failed", incarnation = 2, deliveries = 3, fault = "boom" },
      }
    end,
    vatstore = function(_, vat)
      return vat == "main" and { { key = "k", value = "\0" } }
        or error(failure.new("no_such_vat", "no such vat: " .. vat), 0)
    end,
    stats = function() return { cranks = 5, commits = 2 } end,
    audit = function(self) return self.problems end,
    dump = function() return "vat v1\n  key \27\n" end,
    problems = {},
  }

  it("is aligned for people", function()
    local status, out = run(k, "vats", "a.db")
    assert.equal(0, status)
    assert.equal("id   name   cluster  state    incarnation  deliveries  fault\n"
      .. "v1   main   s1       running            0          12  -\n"
      .. "v10  x\\x1B  -        failed             2           3  boom\n", out)
  end)

  it("is one object a line for programs, with every column", function()
    local _, out = run(k, "vats", "--json", "a.db")
    assert.equal('{"cluster":"s1","deliveries":12,"fault":null,"id":"v1","incarnation":0,"name":"main",'
      .. '"state":"running"}\n{"cluster":null,"deliveries":3,"fault":"boom","id":"v10",'
      .. '"incarnation":2,"name":"x\\u001b","state":"failed"}\n', out)
  end)

  it("shows values as literals", function()
    local status, out = run(k, "vatstore", "a.db", "main")
    assert.equal(0, status)
    assert.equal('key  value\n"k"  "\\x00"\n', out)
    assert.equal(3, (run(k, "vatstore", "a.db", "nobody")))
  end)

  it("may be one table of names and values", function()
    local _, out = run(k, "stats", "a.db")
    assert.equal("name     value\ncommits      2\ncranks       5\n", out)
    assert.equal('{"name":"commits","value":2}\n{"name":"cranks","value":5}\n',
      select(2, run(k, "stats", "a.db", "--json")))
  end)

  it("of the audit has status 6 when there are problems", function()
    local status, out, err = run(k, "audit", "a.db")
    assert.equal(0, status)
    assert.equal("", out)
    assert.equal("moonvat: a.db: no problems found\n", err)
    k.problems = { "ko1: reachable is 2, counted 1" }
    status, out = run(k, "audit", "a.db")
    assert.equal(6, status)
    assert.equal("ko1: reachable is 2, counted 1\n", out)
  end)

  it("of the whole state cannot steer the terminal", function()
    local status, out = run(k, "dump", "a.db")
    assert.equal(0, status)
    assert.equal("vat v1\n  key \\x1B\n", out)
  end)
end)

describe("moonvat run", function()
  after_each(helpers.clean)

  local folder, config

  before_each(function()
    folder = helpers.folder()
    config = folder .. "/bank.lua"
    helpers.write(config, 'return { bootstrap = "main", vats = { main = { source = "main.lua" } } }')
    helpers.write(folder .. "/main.lua", "return function() return Far('Main', {}) end")
  end)

  it("launches, runs, and says so", function()
    local k = fake.kernel { bootstrap = { n = 0 } }
    local status, out, err, world = run(k, "run", config)
    assert.equal(0, status)
    assert.equal("", out)
    assert.equal("moonvat: launched s1 from " .. config .. ": v1 main\n", err)
    assert.equal(folder .. "/bank.db", world.opened[1].db)
    assert.equal("main.lua", k.spec.vats[1].bundle[1].name)
    assert.equal(1, k.cranks)
  end)

  it("goes on the next time, and says when something has changed", function()
    local k = fake.kernel { bootstrap = { n = 0 } }
    run(k, "run", config)
    local status, _, err = run(k, "run", config)
    assert.equal(0, status)
    assert.equal("", err)
    assert.equal(1, #k.launched)

    helpers.write(folder .. "/main.lua", "return function() return Far('Main2', {}) end")
    status, _, err = run(k, "run", config)
    assert.equal(0, status)
    helpers.says(err, "bank.lua or one of its sources has changed since it was launched; going on with")

    os.remove(folder .. "/main.lua")
    status, _, err = run(k, "run", config)
    assert.equal(0, status)
    helpers.says(err, { "cannot be used as it is now", "main.lua: no such file", "going on with what" })
    assert.equal(1, #k.launched)
  end)

  it("tells of another config than the one that was launched", function()
    local k = fake.kernel { bootstrap = { n = 0 } }
    run(k, "run", config)
    helpers.write(folder .. "/shop.lua", 'return { vats = { shop = { source = "main.lua" } } }')
    local status, _, err = run(k, "run", folder .. "/shop.lua", "--db", "b.db")
    assert.equal(0, status)
    assert.equal("moonvat: b.db was launched from bank.lua; going on with what it has\n", err)
  end)

  it("goes on with a database that another program has launched", function()
    local k = fake.kernel { launched = { { id = "s1" } } }
    local status, _, err = run(k, "run", config, "--db", "other.db")
    assert.equal(0, status)
    assert.equal("moonvat: other.db was launched by another program; going on with what it has\n", err)
    assert.is_nil(k.spec)
  end)

  it("has status 4 when its limit leaves work", function()
    local k = fake.kernel { bootstrap = { n = 0 } }
    table.insert(k.waiting, fake.handle("kp8"))
    local status, _, err = run(k, "run", config, "--cranks", "1")
    assert.equal(4, status)
    helpers.says(err, "stopped after 1 crank; 1 item left in the queue")
    assert.equal(0, (run(k, "run", config, "--cranks=1")))
  end)

  it("has status 1 when bootstrap is rejected", function()
    local k = fake.kernel { bootstrap = { reason = fake.error_value("Error", "no money") } }
    local status, _, err = run(k, "run", config)
    assert.equal(1, status)
    helpers.says(err, "bootstrap: Error: no money\n")
  end)

  it("makes no database from a config that is wrong", function()
    helpers.write(config, "return { vats = {} }")
    local status, _, err, world = run(fake.kernel(), "run", config, "--db", "missing.db")
    assert.equal(1, status)
    helpers.says(err, "bank.lua: vats: empty")
    assert.same({}, world.opened)
  end)
end)
