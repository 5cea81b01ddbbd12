local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

describe("a topic", function()
  local k, a, b

  before_each(function()
    k = moonvat.open { db = ":memory:", log = function() end }
    k:launch({
      vats = {
        topic = { source = "moonvat:topic" },
        a = { source = "vats/listener.lua" },
        b = { source = "vats/listener.lua" },
        broken = { source = "vats/listener.lua", parameters = { fails = true } },
      },
    }, here)
    k:run()
    a, b = k:root("a"), k:root("b")
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    assert.same({}, problems)
  end)

  local function heard(vat)
    return (k:call(vat, "heard"))
  end

  it("gives each event to all subscribers, in order", function()
    k:call("topic", "subscribe", a)
    k:call("topic", "subscribe", b)
    assert.equal(2, k:call("topic", "publish", "one", 1))
    k:call("topic", "publish", "two")
    k:run()
    assert.equal("one 1, two", heard("a"))
    assert.equal("one 1, two", heard("b"))
  end)

  it("is not hurt by a subscriber that fails", function()
    k:call("topic", "subscribe", k:root("broken"))
    k:call("topic", "subscribe", a)
    assert.equal(2, k:call("topic", "publish", "news"))
    k:run()
    assert.equal("news", heard("a"))
    assert.equal("pong", k:call("broken", "ping"))
  end)

  it("is not hurt by a subscriber whose vat is gone", function()
    k:call("topic", "subscribe", k:root("broken"))
    k:call("topic", "subscribe", a)
    k:terminate_vat("broken")
    k:call("topic", "publish", "news")
    k:run()
    assert.equal("news", heard("a"))
  end)

  it("lets a subscription be cancelled, once", function()
    local subscription = k:call("topic", "subscribe", a)
    k:call("topic", "subscribe", b)
    assert.is_true(k:call(subscription, "cancel"))
    assert.is_false(k:call(subscription, "cancel"))
    k:call("topic", "publish", "news")
    k:run()
    assert.equal("", heard("a"))
    assert.equal("news", heard("b"))
  end)

  it("lets a subscriber be taken off by itself", function()
    k:call("topic", "subscribe", a)
    k:call("topic", "subscribe", a)
    k:call("topic", "subscribe", b)
    assert.equal(2, k:call("topic", "unsubscribe", a))
    assert.equal(0, k:call("topic", "unsubscribe", a))
    assert.equal(1, k:call("topic", "count"))
  end)

  it("refuses subscribers that are no objects", function()
    for _, thing in ipairs { 1, "a", {}, true } do
      local ok, reason = pcall(k.call, k, "topic", "subscribe", thing)
      assert.is_false(ok)
      assert.equal("NotASubscriber", reason.name)
    end
    assert.equal(0, k:call("topic", "count"))
  end)

  it("has a facet to publish and one to subscribe, and neither does the other", function()
    local publisher, reader = k:call("topic", "publisher"), k:call("topic", "reader")
    k:call(reader, "subscribe", a)
    k:call(publisher, "publish", "news")
    k:run()
    assert.equal("news", heard("a"))
    local ok, reason = pcall(k.call, k, reader, "publish", "mine")
    assert.is_false(ok)
    assert.equal("NoSuchMethod", reason.name)
    ok, reason = pcall(k.call, k, publisher, "subscribe", a)
    assert.is_false(ok)
    assert.equal("NoSuchMethod", reason.name)
  end)

  it("keeps its subscribers when it is upgraded", function()
    k:call("topic", "subscribe", a)
    local upgrade = k:upgrade_vat("topic", { source = "moonvat:topic" })
    k:run()
    assert.same({ incarnation = 1 }, (upgrade:values()))
    k:call("topic", "publish", "news")
    k:run()
    assert.equal("news", heard("a"))
    assert.equal(1, k:call("topic", "unsubscribe", a))
  end)
end)

describe("a topic without a transcript", function()
  local k, reopen

  before_each(function()
    local db = helpers.folder() .. "/topic.db"
    k = moonvat.open { db = db }
    k:launch({
      vats = {
        topic = { source = "moonvat:topic", options = { transcript = false } },
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

  it("has its subscribers in the next incarnation", function()
    k:call("topic", "subscribe", k:root("listener"))
    k = reopen()
    assert.equal(1, k:call("topic", "publish", "news"))
    k:run()
    assert.equal("news", k:call("listener", "heard"))
    assert.equal(1, k:call("topic", "unsubscribe", k:root("listener")))
  end)
end)
