--- Promises in a vat, as its code has them: callbacks, and rejections that nobody handles.

local lone = require "spec.support.lone"
local ref = lone.ref

describe("callbacks", function()
  after_each(lone.clean)

  it("run after the code that attached them, in order", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function()
          local p, resolve = promise()
          for i = 1, 3 do p:next(function(...) print(i, ...) end) end
          resolve("a", "b")
          print "resolved"
          p:next(function() print "late" end)
          print "attached"
        end,
      })
    ]]
    vat:call "go"
    assert.same({ "resolved", "attached", "1\ta\tb", "2\ta\tb", "3\ta\tb", "late" },
      lone.log(vat.outcome))
  end)

  it("pass on what they have no function for, and may await", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function()
          local p = promise.reject(Error { name = "No", message = "no" })
          local a, b = await(p:next(print):catch(function(e)
            return await(promise.resolve(e.name)), "second"
          end):next(nil, print):catch(print))
          return a, b
        end,
        raise = function()
          return promise.resolve(1):next(function() error "in callback" end)
        end,
        follow = function()
          return promise.resolve(1):next(function(v) return promise.resolve(v + 1) end)
        end,
        wrong = function() return pcall(function() promise.resolve(1):next(5) end) end,
      })
    ]]
    assert.same({ "No", "second", n = 2 }, vat:call("go").values)
    assert.equal("in callback", vat:reason("raise").message)
    assert.equal(2, (vat:values "follow"))
    local ok, message = vat:values "wrong"
    assert.is_false(ok)
    assert.matches("p:next%(ok, err%): ok must be a function, got number", message)
  end)

  it("of finally pass the outcome through, unless they fail", function()
    local vat = lone.start [[
      local function no() return promise.reject "no" end
      return Far("Main", {
        values = function() return promise.resolve(1, 2):finally(function(...)
          print(select("#", ...))
          return "ignored"
        end) end,
        reason = function() return no():finally(function() return promise.resolve(1) end) end,
        raises = function() return promise.resolve(1):finally(function() error { 1 } end) end,
        rejects = function() return promise.resolve(1):finally(function() return no() end) end,
      })
    ]]
    assert.same({ 1, 2, n = 2 }, vat:call("values").values)
    assert.same({ "0" }, lone.log(vat.outcome))
    assert.equal("no", vat:reason "reason")
    assert.same({ 1 }, vat:reason "raises")
    assert.equal("no", vat:reason "rejects")
  end)

  it("of all and race", function()
    local vat = lone.start [[
      return Far("Main", {
        all = function(self, p)
          return promise.all { p, promise.resolve("b", "not this"), "c", (promise.resolve()) }
        end,
        empty = function() return promise.all {} end,
        failed = function(self, p) return promise.all { p, promise.reject "no" } end,
        race = function(self, p) return promise.race { p, promise.resolve "first" } end,
        is = function(self, p) return promise.is(p), promise.is(1), promise.is() end,
      })
    ]]
    vat:message("all", ref "p-90")
    local outcome = vat:notify("p-90", "fulfilled", "a", "x")
    assert.same({ "a", "b", "c" }, lone.settlement(outcome, "p-1").values[1])
    assert.same({ {}, n = 1 }, vat:call("empty").values)
    assert.equal("no", vat:reason("failed", ref "p-91"))
    assert.equal("first", (vat:values("race", ref "p-92")))
    assert.same({ true, false, false, n = 3 }, vat:call("is", ref "p-93").values)
  end)

  it("are what a promise answers to, and nothing else", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function()
          local p = promise()
          local _, method = pcall(function() return p:increment() end)
          local _, set = pcall(function() p.x = 1 end)
          local _, dot = pcall(function() return p.next(print) end)
          return method, set, dot, tostring(p), (pcall(function() promise.all = 1 end))
        end,
      })
    ]]
    local method, set, dot, text, frozen = vat:values "go"
    assert.matches("a promise has no field increment: write E(p):method(...)", method, 1, true)
    assert.matches("a promise cannot be changed", set, 1, true)
    assert.matches("mind the colon", dot, 1, true)
    assert.same({ "<promise>", false }, { text, frozen })
  end)
end)

describe("a rejection that nobody handles", function()
  after_each(lone.clean)

  it("is logged once, at the end of the delivery", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function()
          promise.reject(Error { name = "InsufficientFunds", message = "need 1000, have 70" })
          promise.reject "text"
          promise.reject {}
        end,
        handled = function(self, x)
          promise.reject(1):catch(function() end)
          E.send_only(x):take(promise.reject(2))
          pcall(await, promise.reject(3))
          return promise.reject(4)
        end,
        send = function(self, x) E(x):go() end,
        import = function(self, p) end,
        chain = function(self, x) promise.reject(5):next(print) end,
      })
    ]]
    vat:call "go"
    assert.same({
      "unhandled rejection: InsufficientFunds: need 1000, have 70",
      "unhandled rejection: text",
      "unhandled rejection: a value of type table",
    }, lone.log(vat.outcome, "unhandled"))
    vat:message("handled", ref "o-1")
    assert.same({}, vat.outcome.log)
    vat:message("send", ref "o-1")
    vat:notify("p+2", "rejected", "lost")
    assert.same({ "unhandled rejection: lost" }, lone.log(vat.outcome, "unhandled"))
    vat:message("import", ref "p-99")
    vat:notify("p-99", "rejected", "theirs")
    assert.same({}, vat.outcome.log)
    vat:message "chain"
    assert.same({ "unhandled rejection: 5" }, lone.log(vat.outcome, "unhandled"))
  end)
end)
