--- A message to a vat: which method runs, and what becomes of its result.

local lone = require "spec.support.lone"

local function kinds(outcome)
  local list = {}
  for i, syscall in ipairs(outcome.syscalls) do
    list[i] = syscall.kind
  end
  return table.concat(list, " ")
end

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

  it("that tells of one promise twice is a fault of the delivery: no kernel sends it", function()
    local vat = lone.start [[
      return Far("Main", {
        ask = function(_, p) return await(p) end,
        one = function() return 1 end,
      })
    ]]
    vat:message("ask", lone.ref "p-50")
    local twice = { kind = "notify" }
    for i = 1, 2 do
      twice[i] = { promise = "p-50", state = "fulfilled", values = { i } }
    end
    assert.equal("broken", vat:deliver(twice).fault)
    assert.equal(1, (vat:values "one"))
  end)
end)
