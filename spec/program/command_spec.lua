--- What is typed at the prompt.

local command = require "moonvat.program.command"

describe("a command line", function()
  it("is a colon and words", function()
    assert.same({ "vats" }, command.parse ":vats\n")
    assert.same({ "clist", "v1" }, command.parse "  :  clist   v1 ")
    assert.same({}, command.parse ":")
    assert.is_nil(command.parse "vats")
  end)

  it("may have strings and references with their @", function()
    assert.same({ "show", "ko20" }, command.parse ":show @ko20")
    assert.same({ "vatstore", "my vat", "@x" }, command.parse ":vatstore 'my vat' @x")
    assert.same({ "show", "@ko20x" }, command.parse ":show @ko20x")
  end)
end)

describe("a reference in code", function()
  it("becomes an expression, but not in strings and comments", function()
    assert.equal('f((k:ref "ko20"), (k:ref "kp3"))', command.expand "f(@ko20, @kp3)")
    for _, code in ipairs { "'@ko20'", '"@ko20"', "[[@ko20]]", "x -- @ko20", "x @y", "1 + 1" } do
      assert.equal(code, command.expand(code))
    end
  end)
end)
