--- Opening a kernel, and the methods that read files.

local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

describe("moonvat.open", function()
  after_each(helpers.clean)

  it("checks what it is given", function()
    for message, options in pairs {
      ['open takes a table, as in moonvat.open { db = "bank.db" }'] = "bank.db",
      ['open: db is missing: the path of the database, or ":memory:"'] = {},
      ["open: unknown option commit_evry (did you mean commit_every?)"] = { db = "x", commit_evry = 1 },
      ["open: log must be a function, not a boolean"] = { db = "x", log = true },
      ["open: db must be a string, not a number"] = { db = 5 },
    } do
      helpers.says(helpers.raises(message, moonvat.open, options), message)
    end
  end)

  it("gives a kernel that launches a table or a file", function()
    local folder = helpers.folder()
    helpers.write(folder .. "/a.lua", "return function() return Far('A', { hi = function() return 1 end }) end")
    helpers.write(folder .. "/c.lua", "return { vats = { b = { source = 'a.lua' } } }")
    local k <close> = moonvat.open { db = ":memory:" }
    assert.same({ a = "v1" }, k:launch({ vats = { a = { source = "a.lua" } } }, folder).vats)
    assert.same({ b = "v2" }, k:launch(folder .. "/c.lua").vats)
    assert.equal(1, k:call("a", "hi"))
    helpers.says(helpers.raises("launch", k.launch, k, { vat = {} }), "did you mean vats?")
    assert.equal(2, #k:vats())
  end)

  it("has its version", function()
    assert.equal("0.1.0", moonvat.version)
  end)
end)
