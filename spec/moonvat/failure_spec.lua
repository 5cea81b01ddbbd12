--- Errors as data: what the core raises, and what a host program gets of it.

local core = require "moonvat.core"
local failure = require "moonvat.failure"
local helpers = require "spec.support.helpers"
local kernel = require "moonvat.kernel"
local moonvat = require "moonvat"

local function raised(f, ...)
  local ok, reason = pcall(f, ...)
  assert.is_false(ok)
  return reason
end

describe("an error of the core", function()
  after_each(helpers.clean)

  local function reason(name, ...)
    local k <close> = kernel.open { db = ":memory:" }
    k:launch({ vats = { a = { source = "moonvat:topic" } } })
    return raised(core.methods[name], k, ...)
  end

  it("has a code for programs and a message without a place for people", function()
    for code, case in pairs {
      misuse = { "a target expected (a reference, handle, kref or vat), got boolean", "send", true },
      no_such_vat = { 'no such vat: "bonk"', "send", "bonk", "hi" },
      no_such_reference = { "no such reference: ko99", "pin", "ko99" },
      no_such_cluster = { 'no such cluster: "s9"', "terminate_cluster", "s9" },
      state = { "a is neither suspended nor failed", "resume_vat", "a" },
      value = { "args[1]: a function cannot be passed to a vat; offer a service", "send", "a", "hi",
        print },
    } do
      local err = reason(table.unpack(case, 2))
      assert.equal(code, failure.code(err))
      assert.equal(case[1], err.message)
      assert.equal(case[1], tostring(err))
    end
  end)

  it("is the same from a bare kernel, beside which the kernel raises texts", function()
    local k = kernel.open { db = ":memory:" }
    do
      local bare <close> = kernel.bare(k)
      assert.equal(k, bare.public)
      assert.equal("no_such_vat", failure.code(raised(bare.root, bare, "bonk")))
      local text = raised(function()
        local root = k:root "bonk"
        return root
      end)
      assert.matches('^[^\n]-failure_spec%.lua:%d+: no such vat: "bonk"$', text)
    end
    assert.equal("closed", failure.code(raised(core.methods.run, k)))
  end)

  it("says that another process has the database", function()
    local folder = helpers.folder()
    local k <close> = moonvat.open { db = folder .. "/a.db" }
    local err = raised(kernel.open, { db = folder .. "/a.db" })
    assert.equal("in_use", failure.code(err))
    assert.equal(folder .. "/a.db is in use by another process", err.message)
    assert.equal(err.message, raised(moonvat.open, { db = folder .. "/a.db" }))
    assert.equal("unopened", failure.code(raised(kernel.open, { db = folder .. "/no/a.db" })))
    k:run()
  end)

  it("is none when a vat made it, whatever that holds", function()
    assert.is_nil(failure.code { code = "closed", message = "x" })
    assert.is_nil(failure.code(core.error_value { name = "Error", code = "closed", message = "x" }))
    assert.is_nil(failure.code "closed")
    assert.is_nil(failure.code(nil))
  end)
end)

describe("k:settle", function()
  it("runs until a promise is settled, and says how", function()
    local k <close> = moonvat.open { db = ":memory:" }
    k:launch({ vats = { a = { source = "moonvat:topic" } } })
    local how, why = k:settle(k:send("a", "no_such_method"))
    assert.equal("rejected", how)
    assert.equal("NoSuchMethod", why.name)
    assert.equal("fulfilled", (k:settle(k:send("a", "subscribe", k:root "a"))))
    helpers.says(helpers.raises("an object", k.settle, k, "ko1"), "is an object, not a promise")
  end)
end)
