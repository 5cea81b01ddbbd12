local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

describe("the registry", function()
  local k, a

  before_each(function()
    k = moonvat.open { db = ":memory:", log = function() end }
    k:launch({
      vats = {
        registry = { source = "moonvat:registry" },
        a = { source = "vats/listener.lua" },
      },
    }, here)
    k:run()
    a = k:root("a")
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    assert.same({}, problems)
  end)

  local function refused(...)
    local ok, reason = pcall(k.call, k, ...)
    assert.is_false(ok)
    return reason
  end

  it("finds what was registered, references and data", function()
    k:call("registry", "register", "listener", a)
    k:call("registry", "register", "answer", 42)
    k:call("registry", "register", "no", false)
    assert.equal("pong", k:call(k:call("registry", "lookup", "listener"), "ping"))
    assert.equal(42, k:call("registry", "lookup", "answer"))
    assert.is_false(k:call("registry", "lookup", "no"))
  end)

  it("gives a promise for a name that is not there yet, and messages to it wait", function()
    local lookup = k:send("registry", "lookup", "listener")
    local ping = k:send(lookup, "ping")
    k:run()
    assert.equal("unresolved", lookup:status())
    assert.equal("unresolved", ping:status())
    k:call("registry", "register", "listener", a)
    k:run()
    assert.equal("pong", ping:values())
  end)

  it("waits for a promise before it registers it", function()
    local later = k:send("registry", "lookup", "first")
    local register = k:send("registry", "register", "second", later)
    k:run()
    assert.is_nil(k:call("registry", "find", "second"))
    k:call("registry", "register", "first", 1)
    k:run()
    assert.equal("fulfilled", register:status())
    assert.equal(1, k:call("registry", "find", "second"))
  end)

  it("says nil at once when asked to find a name that is not there", function()
    assert.is_nil(k:call("registry", "find", "nothing"))
  end)

  it("refuses a name that is taken until it is unregistered", function()
    k:call("registry", "register", "x", 1)
    local reason = refused("registry", "register", "x", 2)
    assert.equal("NameTaken", reason.name)
    assert.equal("x is registered already; unregister it first", reason.message)
    assert.equal(1, k:call("registry", "unregister", "x"))
    k:call("registry", "register", "x", 2)
    assert.equal(2, k:call("registry", "lookup", "x"))
  end)

  it("refuses what is no name, and nil", function()
    for _, name in ipairs { 1, "", {}, true } do
      assert.equal("InvalidName", refused("registry", "register", name, 1).name)
      assert.equal("InvalidName", refused("registry", "lookup", name).name)
    end
    assert.equal("InvalidValue", refused("registry", "register", "x").name)
  end)

  it("lists names in order, by prefix", function()
    for _, name in ipairs { "b/2", "a", "b/1", "c" } do
      k:call("registry", "register", name, 0)
    end
    assert.same({ "a", "b/1", "b/2", "c" }, (k:call("registry", "names")))
    assert.same({ "b/1", "b/2" }, (k:call("registry", "names", "b/")))
  end)

  it("has a reader that cannot register", function()
    local reader = k:call("registry", "reader")
    k:call("registry", "register", "x", 1)
    assert.equal(1, k:call(reader, "lookup", "x"))
    assert.same({ "x" }, (k:call(reader, "names")))
    assert.equal("NoSuchMethod", refused(reader, "register", "y", 1).name)
    assert.equal("NoSuchMethod", refused(reader, "unregister", "x").name)
  end)

  it("keeps its names when it is upgraded, and rejects lookups that wait", function()
    k:call("registry", "register", "listener", a)
    local waiting = k:send("registry", "lookup", "later")
    local upgrade = k:upgrade_vat("registry", { source = "moonvat:registry" })
    k:run()
    assert.same({ incarnation = 1 }, (upgrade:values()))
    assert.equal("VatUpgraded", waiting:reason().name)
    assert.equal("pong", k:call(k:call("registry", "lookup", "listener"), "ping"))
  end)
end)

describe("the registry without a transcript", function()
  local k, reopen

  before_each(function()
    local db = helpers.folder() .. "/registry.db"
    k = moonvat.open { db = db }
    k:launch({
      vats = {
        registry = { source = "moonvat:registry", options = { transcript = false } },
        listener = { source = "vats/listener.lua" },
      },
    }, here)
    k:run()
    function reopen()
      k:close()
      return moonvat.open { db = db }
    end
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    helpers.clean()
    assert.same({}, problems)
  end)

  it("has its names in the next incarnation", function()
    k:call("registry", "register", "listener", k:root("listener"))
    k:call("registry", "register", "answer", 42)
    k = reopen()
    assert.same({ "answer", "listener" }, (k:call("registry", "names")))
    assert.equal("pong", k:call(k:call("registry", "lookup", "listener"), "ping"))
  end)
end)
