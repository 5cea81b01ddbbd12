--- What a vat says to the kernel as it starts, and what a delivery leaves behind.

local lone = require "spec.support.lone"
local ref = lone.ref

local function kinds(outcome)
  local list = {}
  for i, syscall in ipairs(outcome.syscalls) do
    list[i] = syscall.kind
  end
  return table.concat(list, " ")
end

describe("start_vat", function()
  after_each(lone.clean)

  it("runs the build function, whose root is o+0", function()
    local vat = lone.start([[
      print(vat.name, vat.incarnation, params.greeting, math.type(vat.now()))
      return Far("Greeter", {})
    ]], { params = { greeting = "hi" }, name = "greeter", incarnation = 3 })
    assert.same({ "greeter\t3\thi\tfloat" }, lone.log(vat.started))
    assert.equal("Greeter", vat.started.interface)
    assert.same({}, vat.started.syscalls)
  end)

  it("gives empty params when there are none", function()
    local vat = lone.start 'print(type(params), next(params)) return Far("Main", {})'
    assert.same({ "table\tnil" }, lone.log(vat.started))
  end)

  local function failure(options)
    local vat = lone.open(options)
    local hash = vat.vat:heap_hash()
    local outcome = vat:deliver { kind = "start_vat", name = "main", args = {} }
    assert.equal("start", outcome.fault)
    assert.same({}, outcome.syscalls)
    assert.same({}, outcome.changes)
    assert.equal(hash, vat.vat:heap_hash())
    return outcome.reason
  end

  it("fails with a reason that says what is wrong", function()
    assert.equal("the build function must return Far(...), got table",
      failure { main = "return function() return {} end" })
    assert.equal("the build function must return Far(...), got nil",
      failure { main = "return function() end" })
    assert.equal("the main chunk must return the build function, got nil", failure { main = "" })
    assert.matches("^main.lua:1: .*near '='", failure { main = "= 1" })
    assert.equal("bank.lua:2: no money",
      failure { main = "return function()\nerror 'no money' end", file = "bank.lua" })
    assert.equal("Broke: no money", failure {
      main = "return function() error(Error { name = 'Broke', message = 'no money' }) end",
    })
    assert.matches("larger than 128 KiB", failure { main = (" "):rep(128 * 1024 + 1) })
    assert.matches("await cannot be used in the build function",
      failure { main = "return function() await((promise())) end" })
    assert.matches("await cannot be used in a module's main chunk",
      failure { main = "await((promise()))" })
  end)

  it("leaves nothing of what a failed start did", function()
    failure {
      main = [[
        return function(vat)
          vat.vatstore.a = "1"
          vat.baggage.b = 2
          E(Far("X", {})):hello()
          local t = {} for i = 1, 1000 do t[i] = { i } end
          error "late"
        end
      ]],
    }
  end)

  it("may send", function()
    local vat = lone.start([[
      E(params.bank):register("me"):next(print)
      return Far("Main", {})
    ]], { params = { bank = ref("o-1", "Bank") } })
    assert.equal("send subscribe", kinds(vat.started))
    vat:notify("p+1", "fulfilled", "welcome")
    assert.same({ "welcome" }, lone.log(vat.outcome))
  end)

  it("finds the modules of the bundle, once each", function()
    local vat = lone.start([[
      local a, again = require "a", require "a"
      print(a == again, a.b.name)
      print(pcall(require, "c"))
      print(pcall(require, "cycle"))
      print(pcall(require, "broken"))
      print(require "quiet")
      return Far("Main", { later = function() return require "late" end })
    ]], {
      modules = {
        a = 'local name = ...; return { name = name, b = require "b" }',
        b = "return { name = ... }",
        cycle = 'require "cycle"',
        broken = "error 'as it is'",
        quiet = "",
        late = "return (pcall(await, (promise())))",
      },
    })
    local lines = lone.log(vat.started)
    assert.equal("true\tb", lines[1])
    assert.matches("module 'c' not found in the bundle; it has: .*a", lines[2])
    assert.matches("module 'cycle' requires itself", lines[3])
    assert.equal("false\tbroken:1: as it is", lines[4])
    assert.equal("true", lines[5])
    assert.is_false(vat:values "later")
  end)
end)

describe("what a delivery leaves behind", function()
  after_each(lone.clean)

  it("nothing, when it is undone", function()
    local vat = lone.start [[
      local n, list = 0, {}
      return Far("Main", {
        add = function(self, x)
          n = n + 1
          list[n] = { x }
          vat.vatstore["k" .. n] = "v"
          vat.baggage[n] = n
          E(x):note(Far("New", {}))
          return n
        end,
        get = function() return n, vat.vatstore.k1, vat.baggage[1] end,
      })
    ]]
    local hash = vat.vat:heap_hash()
    for _ = 1, 3 do
      local outcome = vat.vat:deliver {
        kind = "message", target = "o+0", result = "p-1", method = "add", args = { ref "o-1" },
      }
      assert.equal(1, lone.settlement(outcome, "p-1").values[1])
      assert.equal(2, #outcome.changes)
      assert.not_equal(hash, vat.vat:heap_hash())
      vat.vat:undo()
      assert.equal(hash, vat.vat:heap_hash())
    end
    assert.same({ 0, nil, nil, n = 3 }, vat:call("get").values)
  end)

  it("nothing, when it runs over a limit", function()
    local vat = lone.start([[
      local n = 0
      return Far("Main", {
        loop = function() n = n + 1; vat.baggage.x = n; while true do end end,
        eat = function() local t = {} for i = 1, math.huge do t[i] = { i } end end,
        guarded = function()
          while true do pcall(function() while true do end end) end
        end,
        get = function() return n, vat.baggage.x end,
      })
    ]], { time_limit = 0.05, memory_limit = 8 << 20 })
    local hash = vat.vat:heap_hash()
    local outcome = vat:message "loop"
    assert.same({ "time", "delivery exceeded its time limit" }, { outcome.fault, outcome.reason })
    assert.same({ {}, {} }, { outcome.syscalls, outcome.changes })
    assert.equal(hash, vat.vat:heap_hash())
    assert.equal("time", vat:message("guarded").fault)
    assert.equal("memory", vat:message("eat").fault)
    assert.equal(hash, vat.vat:heap_hash())
    assert.same({ 0, nil, n = 2 }, vat:call("get").values)
  end)

  it("its log, up to a limit that raises", function()
    local vat = lone.start [[
      return Far("Main", {
        lines = function()
          for i = 1, 1000 do print(i, nil, true, 1.5, { }) end
          local ok, e = pcall(print, "more")
          return ok, e.name, tostring(e)
        end,
        long = function()
          print(("x"):rep(4096))
          local ok, e = pcall(print, ("x"):rep(4097))
          return ok, tostring(e)
        end,
      })
    ]]
    assert.same({ false, "LimitExceeded",
      "print: more than 1000 lines in one delivery, the limit" }, { vat:values "lines" })
    local lines = lone.log(vat.outcome)
    assert.equal(1000, #lines)
    assert.equal("1000\tnil\ttrue\t1.5\ttable", lines[1000])
    assert.same({ false, "print: a line of 4097 bytes, the limit is 4096 (4 KiB)" },
      { vat:values "long" })
  end)
end)
