--- The prompt: Lua lines, expressions, commands, and errors that do not end it.

local fake = require "spec.program.fixtures.fake"
local helpers = require "spec.support.helpers"

local function kernel()
  return fake.kernel {
    answers = {
      bank = { balance = { 70, "x", n = 2 }, pay = { reason = fake.error_value("InsufficientFunds", "need 1000") } },
    },
    roots = { bank = "bank" },
    known = { ko20 = fake.reference "ko20" },
    vats = function() return { { id = "v1", name = "bank" } } end,
    clist = function(_, vat) return { { vref = "o+0", kref = "ko1", reachable = vat == "v1" } } end,
    show = function(_, kref) return { kref = kref } end,
    holders = function() return { { kind = "pin", detail = "once" } } end,
    audit = function() return {} end,
    dump = function() return "a\nb\n" end,
  }
end

-- Types lines at a prompt that is a pipe: output, errors and status.
local function type_in(lines, k, terminal)
  local status, out, err = fake.run(k or kernel(), { "repl", "bank.db" },
    { input = lines, terminal = terminal })
  return out, err, status
end

describe("the prompt", function()
  it("prints the values of an expression as literals", function()
    local out, err, status = type_in { "1 + 1, 'a', nil, {b = 1}", "local x = 5", "", "x" }
    assert.equal('2\n"a"\nnil\n{ b = 1 }\nnil\n', out)
    assert.equal("", err)
    assert.equal(0, status)
  end)

  it("prints what print is given, with nothing that steers a terminal", function()
    assert.equal("a\t1\nb\\x1B[31m\n", (type_in { [[print("a", "1\nb\27[31m")]] }))
  end)

  it("keeps globals, and the last value in _", function()
    assert.equal("6\n7\n", (type_in { "y = 2", "y * 3", "_ + 1" }))
  end)

  it("goes on with the next line while the chunk is incomplete", function()
    assert.equal("3\n", (type_in { "(1 +", "2", ")" }))
    assert.equal("1\n2\n", (type_in { "for i = 1, 2 do", "  print(i)", "end" }))
    local _, err, status = type_in { "for i = 1, 2 do" }
    helpers.says(err, { "'end' expected", "near <eof>" })
    assert.equal(1, status)
  end)

  it("shows errors and goes on", function()
    local out, err, status = type_in { "error 'boom'", "error({ code = 1 })", "x x", "nil + 1", "5" }
    assert.equal("5\n", out)
    assert.equal(1, status)
    helpers.says(err, { "boom\n", "{ code = 1 }\n", "syntax error near 'x'\n",
      "attempt to perform arithmetic on a nil value\n" })
  end)

  it("sends with E, runs, and prints the result", function()
    local k = kernel()
    local out, err = type_in({ "E(bank):balance(1, nil)", 'E("bank"):pay()', "a = E(bank):balance()", "a" }, k)
    assert.equal('70\n"x"\n70\n', out)
    assert.equal("InsufficientFunds: need 1000\n", err)
    assert.equal(2, k.sent[1].n)
    assert.equal("balance", k.sent[1].method)
  end)

  it("advises on a wrong E", function()
    local _, err = type_in { "E(bonk):x()", "E(bank).balance()", "E(bank):never()" }
    helpers.says(err, { "E(nil): there is nothing to send to\n", "write E(x):balance(...) with a colon\n",
      "kp41 is still unresolved, and there is nothing left to run\n" })
  end)

  it("knows references by their kref, with @ or without", function()
    local k = kernel()
    local out, err = type_in({ "ko20", "@ko20", "{ '@ko20', @ko20 }", "@ko99", "k == nil" }, k)
    assert.equal('ko20\nko20\n{ "@ko20", @ko20 }\nfalse\n', out)
    assert.equal("no such reference: ko99\n", err)
  end)

  it("takes commands behind a colon", function()
    local out, err = type_in {
      ":vats", ":clist v1", ":show @ko20", ":audit", ":dump", " : step", ":run 5",
    }
    assert.equal("", err)
    helpers.says(out, {
      "id  name  ", "v1  bank  ", "vref  kref  reachable\no+0   ko1   yes\n", "kref     ko20\nholders  pin once\n",
      "no problems found\n", "a\nb\n", "0 cranks, 0 left in the queue\n",
    })
  end)

  it("runs one crank, or as many as it is told", function()
    local k = kernel()
    for i = 1, 5 do
      k.waiting[i] = fake.handle("kp" .. i)
    end
    assert.equal("1 crank, 4 left in the queue\n2 cranks, 2 left in the queue\n"
      .. "1 crank, 1 left in the queue\n1 crank, 0 left in the queue\n",
      (type_in({ ":step", ":step 2", ":run 1", ":run" }, k)))
  end)

  it("advises on a wrong command", function()
    local out, err = type_in { ":vat", ":", ":clist", ":run x", ":help vat",
      ":clist v1 v2", ":vats v1", "1" }
    assert.equal("1\n", out)
    helpers.says(err, {
      "there is no command :vat (did you mean vats?); :help lists them\n", ":help lists the commands\n",
      ":clist takes a vat, for example :clist v1\n", ":run takes a number of cranks, not x\n",
      "there is no command :vat (did you mean vats?)\n",
      ":clist takes one word; v2 is too much\n", ":vats takes nothing; v1 is too much\n",
    })
  end)

  it("explains its commands", function()
    local out, err = type_in { ":help", ":help run" }
    assert.equal("", err)
    for _, name in ipairs {
      "vats", "objects", "promises", "queue", "clist VAT", "vatstore VAT", "baggage VAT", "bundles",
      "stats", "show KREF", "holders KREF", "dump", "audit", "run [N]", "step [N]", "help", "quit",
    } do
      helpers.says("\n" .. out, "\n  :" .. name .. " ", name)
    end
    helpers.says(out, ":run [N]\n  run until the queue is empty, or N cranks\n")
  end)

  it("ends with :quit or its input, and closes the kernel", function()
    local k = kernel()
    assert.equal("1\n", (type_in({ "1", ":quit", "2" }, k)))
    assert.is_true(k.closed)
  end)

  it("shows a prompt at a terminal, where errors leave the status at 0", function()
    local out, _, status = type_in({ "1 +", "1", "x.y" }, nil, { stdin = true })
    assert.equal("Moonvat 0.1.0. :help lists the commands.\n> >> 2\n> > \n", out)
    assert.equal(0, status)
  end)
end)
