--- What a vat says to the kernel, delivery by delivery.

local lone = require "spec.support.lone"
local ref = lone.ref

local function kinds(outcome)
  local list = {}
  for i, syscall in ipairs(outcome.syscalls) do
    list[i] = syscall.kind
  end
  return table.concat(list, " ")
end

local function interfaces(syscall)
  local list = {}
  for vref, interface in pairs(syscall.interfaces) do
    list[#list + 1] = vref .. "=" .. interface
  end
  table.sort(list)
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

describe("a message", function()
  after_each(lone.clean)

  it("calls the method and resolves its result with what it returns", function()
    local vat = lone.start [[
      return Far("Main", {
        add = function(self, a, b) return a + b end,
        many = function(self, ...) return ... end,
        none = function() end,
      })
    ]]
    assert.equal(5, vat:values("add", 2, 3))
    assert.equal("resolve", kinds(vat.outcome))
    assert.same({ nil, 2, nil, n = 3 }, vat:call("many", nil, 2, nil).values)
    assert.same({ n = 0 }, vat:call("none").values)
  end)

  it("without a result says nothing", function()
    local vat = lone.start 'return Far("Main", { go = function() return 1 end })'
    local outcome = vat:deliver { kind = "message", target = "o+0", method = "go", args = {} }
    assert.same({}, outcome.syscalls)
  end)

  it("that raises rejects it, and a string is logged with its traceback", function()
    local vat = lone.start [[
      return Far("Main", {
        text = function() error "boom" end,
        index = function() local t; return t.x end,
        error = function() error(Error { name = "Low", message = "too low", have = 3 }) end,
        table = function() error { code = 7 } end,
        ["nil"] = function() error() end,
        ["function"] = function() error(print) end,
        nested = function() coroutine.wrap(function() error "inner" end)() end,
      })
    ]]
    local reason = vat:reason "text"
    assert.equal("Error", reason.name)
    assert.equal("boom", reason.message)
    assert.equal("boom", tostring(reason))
    assert.matches("^main.lua:3: boom\nstack traceback:", lone.log(vat.outcome, "fault")[1])
    assert.equal("attempt to index a nil value (local 't')", vat:reason("index").message)
    reason = vat:reason "error"
    assert.same({ "Low", "too low", 3 }, { reason.name, reason.message, reason.have })
    assert.same({}, vat.outcome.log)
    assert.same({ code = 7 }, vat:reason "table")
    assert.is_nil(vat:reason "nil")
    assert.equal("reason: a function cannot be passed; wrap it in Far",
      vat:reason("function").message)
    assert.equal("inner", vat:reason("nested").message)
  end)

  it("of an unknown method is rejected with the methods there are", function()
    local vat = lone.start([[
      return Far("Counter", { increment = print, decrement = print })
    ]])
    local reason = vat:reason "incr"
    assert.equal("NoSuchMethod", reason.name)
    assert.equal("Counter has no method incr, has: decrement, increment", reason.message)
    local empty = lone.start('return Far("Empty", {})', { number = 2 })
    assert.equal("Empty has no method x, has: no methods", empty:reason("x").message)
  end)

  it("with a result that cannot be passed is rejected, naming the path", function()
    local vat = lone.start [[
      return Far("Main", {
        one = function() return { callback = print } end,
        two = function() return 1, { list = { 1, print } } end,
      })
    ]]
    assert.equal("result.callback: a function cannot be passed; wrap it in Far",
      vat:reason("one").message)
    assert.equal("result[2].list[2]: a function cannot be passed; wrap it in Far",
      vat:reason("two").message)
  end)

  it("to an object that it has not is a fault of the delivery, not of the vat", function()
    local vat = lone.start 'return Far("Main", { one = function() return 1 end })'
    local hash = vat.vat:heap_hash()
    assert.equal("broken", vat:send("o+7", "one").fault)
    assert.equal("broken", vat:deliver("rubbish").fault)
    assert.equal(hash, vat.vat:heap_hash())
    assert.equal(1, (vat:values "one"))
  end)
end)

describe("a send", function()
  after_each(lone.clean)

  local SOURCE = [[
    local other = Far("Other", {})
    return Far("Main", {
      send = function(self, x, ...) return E(x):method(...) end,
      twice = function(self, x) E(x):one(other, other); E(x):two(other, self) end,
      only = function(self, x) return select("#", E.send_only(x):method(1)) end,
      wait = function(self, x) local a, b = await(E(x):method()) return b, a end,
      try = function(self, x, what)
        local t = { callback = print }
        return pcall(function()
          if what == "function" then E(x):method(1, t)
          elseif what == "dot" then E(x).method(1)
          elseif what == "nil" then E(nil):method()
          elseif what == "name" then return E(x)[1]
          elseif what == "E(x)" then E(x):method(E(x))
          elseif what == "set" then E(x).field = 1
          else E(E(x)):method() end
        end)
      end,
    })
  ]]

  it("names a new promise, subscribes to it, and follows it when it is returned", function()
    local vat = lone.start(SOURCE)
    local outcome = vat:message("send", ref("o-3", "Bob"), "hi", { 1 })
    assert.equal("send subscribe resolve", kinds(outcome))
    local send = outcome.syscalls[1]
    assert.same({ "o-3", "p+1", "method" }, { send.target, send.result, send.method })
    assert.same({ "hi", { 1 }, n = 2 }, send.args)
    assert.equal("p+1", outcome.syscalls[2].promise)
    assert.same({ promise = "p-1", state = "follow", follow = "p+1" }, outcome.syscalls[3][1])
  end)

  it("says an object's interface when it leaves for the first time", function()
    local vat = lone.start(SOURCE)
    local outcome = vat:message("twice", ref("o-3", "Bob"))
    local sends = lone.syscalls(outcome, "send")
    assert.equal("o+1=Other", interfaces(sends[1]))
    assert.equal("o+0= o+1=", interfaces(sends[2]))
    assert.equal("o+1 Other", tostring(sends[2].args[1]) .. " " .. sends[2].args[1]:interface())
  end)

  it("without a result only sends", function()
    local vat = lone.start(SOURCE)
    assert.equal(0, (vat:values("only", ref "o-3")))
    assert.equal("send resolve", kinds(vat.outcome))
    assert.is_nil(vat.outcome.syscalls[1].result)
  end)

  it("can be awaited", function()
    local vat = lone.start(SOURCE)
    assert.equal("send subscribe", kinds(vat:message("wait", ref "o-3")))
    local outcome = vat:notify("p+1", "fulfilled", "a", "b")
    assert.same({ promise = "p-1", state = "fulfilled", values = { "b", "a", n = 2 } },
      lone.settlement(outcome, "p-1"))
    vat:message("wait", ref "o-3")
    outcome = vat:notify("p+2", "rejected", { code = 1 })
    assert.same({ promise = "p-2", state = "rejected", values = { { code = 1 }, n = 1 } },
      lone.settlement(outcome, "p-2"))
  end)

  it("that cannot be made raises with advice, and leaves the vat as it was", function()
    local vat = lone.start(SOURCE)
    local function advice(what)
      local ok, message = vat:values("try", ref("o-3", "Bob"), what)
      assert.is_false(ok)
      assert.same({}, lone.syscalls(vat.outcome, "send"))
      return (message:gsub("^main.lua:%d+: ", ""))
    end
    assert.equal("args[2].callback: a function cannot be passed; wrap it in Far",
      advice "function")
    assert.equal("a message needs a colon: write E(x):method(...), not E(x).method(...)",
      advice "dot")
    assert.matches("^E%(nil%): there is nothing to send to", advice "nil")
    assert.equal("a method's name must be a string, got number", advice "name")
    assert.equal("args[1]: what E() gives cannot be passed; pass the object itself",
      advice "E(x)")
    assert.matches("E called twice", (advice("twice"):gsub("E was", "E")))
    assert.equal("E(x) only sends: write E(x):method(...)", advice "set")
  end)

  it("to data is rejected, and to a rejection with its reason", function()
    local vat = lone.start [[
      return Far("Main", {
        data = function(self, x) return E(x):increment() end,
        rejected = function() return E(promise.reject { why = 1 }):increment() end,
        fulfilled = function() return E(promise.resolve(1, 2)):increment() end,
      })
    ]]
    for _, x in ipairs { 5, "text", true, { { 1 } } } do
      local reason = vat:reason("data", x)
      assert.equal("NotCallable", reason.name)
      assert.equal("data is not callable, has no method increment", reason.message)
    end
    assert.same({ why = 1 }, vat:reason "rejected")
    assert.equal("NotCallable", vat:reason("fulfilled").name)
  end)

  it("within the vat is a later turn, and passes copies", function()
    local vat = lone.start [[
      local main
      local other = Far("Other", {
        take = function(self, t, x)
          print("take", t.n, x == self)
          t.n = t.n + 1
          return t
        end,
        raise = function() error "inside" end,
      })
      main = Far("Main", {
        go = function()
          local t = { n = 1 }
          local p = E(other):take(t, other)
          t.n = 100
          print "sent"
          local back = await(p)
          return back.n, t.n
        end,
        fail = function() return E(other):raise() end,
        missing = function() return E(other):missing() end,
        bad = function() return pcall(function() E(other):take(print) end) end,
      })
      return main
    ]]
    assert.same({ 2, 100, n = 2 }, vat:call("go").values)
    assert.same({ "sent", "take\t1\ttrue" }, lone.log(vat.outcome))
    assert.equal("resolve", kinds(vat.outcome))
    assert.equal("inside", vat:reason("fail").message)
    assert.equal("Other has no method missing, has: raise, take", vat:reason("missing").message)
    local ok, message = vat:values "bad"
    assert.is_false(ok)
    assert.matches("args%[1%]: a function cannot be passed", message)
  end)

  it("more than 100,000 times in one delivery is refused", function()
    local vat = lone.start [[
      return Far("Main", {
        many = function(self, x, n) for i = 1, n do E.send_only(x):m() end end,
        over = function(self, x)
          for i = 1, 100000 do E.send_only(x):m() end
          local ok, e = pcall(function() E.send_only(x):m() end)
          return ok, e.name, tostring(e)
        end,
      })
    ]]
    assert.same({ false, "LimitExceeded", "more than 100000 sends in one delivery, the limit" },
      { vat:values("over", ref "o-1") })
    vat:values("many", ref "o-1", 100000)
    assert.equal(100000, #lone.syscalls(vat.outcome, "send"))
  end)
end)

describe("an object", function()
  after_each(lone.clean)

  it("is the same value whenever it comes, and the original at home", function()
    local vat = lone.start [[
      local seen
      local methods = { x = 1 } methods.x = function() return "x" end
      local a, b = Far("Thing", methods), Far("Thing", methods)
      methods.x, methods.y = nil, print
      return Far("Main", {
        make = function() return a, a, b end,
        home = function(self, x, y)
          return x == a, y == b, x == y, rawequal(x, a), x:x(), tostring(x), type(x)
        end,
        see = function(self, x)
          local same = seen == x
          seen = x
          return same, tostring(x), ({ [x] = "key" })[seen]
        end,
        use = function(self, x)
          local ok, call = pcall(function() return x:method() end)
          local _, set = pcall(function() x.field = 1 end)
          local _, far = pcall(function() a.field = 1 end)
          return ok, call, set, far, a.y
        end,
        meta = function(self, x) return getmetatable(x), getmetatable(a), getmetatable(E) end,
      })
    ]]
    local values = vat:call("make").values
    assert.same({ "o+1", "o+1", "o+2" },
      { tostring(values[1]), tostring(values[2]), tostring(values[3]) })
    assert.same({ true, true, false, true, "x", "<Thing>", "userdata", n = 7 },
      vat:call("home", ref "o+1", ref "o+2").values)
    assert.same({ false, "<Bob>", "key", n = 3 }, vat:call("see", ref("o-1", "Bob")).values)
    assert.same({ true, "<Bob>", "key", n = 3 }, vat:call("see", ref("o-1", "Bob")).values)
    local use = vat:call("use", ref("o-1", "Bob")).values
    local advice = "Bob is a reference to another vat: write E(x):method(...)"
    assert.is_false(use[1])
    assert.matches(advice, use[2], 1, true)
    assert.matches(advice, use[3], 1, true)
    assert.matches("Thing cannot be changed", use[4], 1, true)
    assert.is_nil(use[5])
    assert.same({ false, false, false, n = 3 }, vat:call("meta", ref "o-1").values)
  end)

  it("needs a name and functions", function()
    local vat = lone.start [[
      return Far("Main", {
        try = function(self)
          local function try(...) return (select(2, pcall(Far, ...))) end
          return try(), try("X"), try("", {}), try("X", { a = 1 }), try("X", { print })
        end,
      })
    ]]
    local errors = vat:call("try").values
    assert.matches("^Far takes an interface's name and a table of methods", errors[1])
    assert.matches("got string and no value", errors[2])
    assert.matches("1 to 256 bytes", errors[3])
    assert.equal('Far("X"): method a must be a function, got number', errors[4])
    assert.equal('Far("X"): a method\'s name must be a string, got number', errors[5])
  end)

  it("that was retired gets a new name when it leaves again", function()
    local vat = lone.start [[
      local thing = Far("Thing", {})
      return Far("Main", { give = function() return thing end, keep = function(self, x)
        kept = kept or x
        return E(kept):m() end })
    ]]
    assert.equal("o+1", tostring(vat:values "give"))
    vat:deliver { kind = "drop_exports", "o+1" }
    assert.equal("o+1", tostring(vat:values "give"))
    vat:deliver { kind = "retire_exports", "o+1", "o+0" }
    assert.equal("o+2", tostring(vat:values "give"))
    vat:message("keep", ref("o-5", "Bob"))
    vat:deliver { kind = "retire_imports", "o-5" }
    assert.equal("ObjectAbandoned", vat:reason("keep").name)
    assert.is_nil(vat:deliver({ kind = "bring_out_your_dead" }).fault)
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

describe("vat.exit", function()
  after_each(lone.clean)

  it("records the exit among what else the delivery does", function()
    local vat = lone.start [[
      return Far("Main", { go = function(self, x) E(x):before() vat.exit { 1 } E(x):after() end })
    ]]
    assert.equal("send subscribe exit send subscribe resolve",
      kinds(vat:message("go", ref "o-1")))
    local exit = lone.syscalls(vat.outcome, "exit")[1]
    assert.is_false(exit.failure)
    assert.same({ { 1 }, n = 1 }, exit.values)
  end)

  it("with a failure ends the delivery at once, whoever would catch it", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function(self, x)
          E(x):before()
          vat.baggage.x = 1
          pcall(coroutine.wrap(function() pcall(vat.exit_with_failure, "no more") end))
          E(x):after()
        end,
        bad = function() return pcall(vat.exit_with_failure, print) end,
      })
    ]]
    local ok, message = vat:values "bad"
    assert.is_false(ok)
    assert.matches("reason: a function cannot be passed", message)
    local hash = vat.vat:heap_hash()
    local outcome = vat:message("go", ref "o-1")
    assert.is_nil(outcome.fault)
    assert.equal("exit", kinds(outcome))
    assert.is_true(outcome.syscalls[1].failure)
    assert.same({ "Error", "no more" },
      { outcome.syscalls[1].values[1].name, outcome.syscalls[1].values[1].message })
    assert.same({}, outcome.changes)
    assert.equal(hash, vat.vat:heap_hash())
  end)
end)
