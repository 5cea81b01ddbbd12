--- vat.exit: a vat that ends itself.

local lone = require "spec.support.lone"
local ref = lone.ref

local function kinds(outcome)
  local list = {}
  for i, syscall in ipairs(outcome.syscalls) do
    list[i] = syscall.kind
  end
  return table.concat(list, " ")
end

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
