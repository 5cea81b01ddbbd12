--- What a vat sends, and what is said of it to the kernel.

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
