--- Vats' lives: how they end, and who is told.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.vats.shared"

local bosses = shared.bosses
local same = helpers.same

local function is_terminated(handle, what)
  local status = handle:status()
  same({ status, status == "rejected" and handle:reason().name }, { "rejected", "VatTerminated" },
    what)
end

describe("vats: how they end", function()
  after_each(helpers.clean)

  it("done() gives what vat.exit was given, and the crank counts", function()
    local k, logs = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local early = helpers.send(k, "boss", "admin", "ann", "done")
    helpers.run(k)
    same(early:status(), "unresolved", "it waits")
    same(helpers.call(k, "boss", "ask", "ann", "exit", k:root "boss", { 7, "seven" }), "result",
      "the message that ended it")
    same(early:values(), { 7, "seven" }, "asked before")
    same(helpers.call(k, "boss", "admin", "ann", "done"), { 7, "seven" }, "asked after")
    same(logs.boss, { "sent before the end" }, "what it sent in the crank")
    helpers.settle(k)
  end)

  it("done() tells a failure, and the crank does not count", function()
    local k, logs = bosses()
    for name, reason in pairs { ann = { name = "Oops", message = "giving up" }, bob = "just words" } do
      helpers.call(k, "boss", "make", "kid", { name = name })
      local early = helpers.send(k, "boss", "admin", name, "done")
      helpers.run(k)
      same(helpers.reason(k, "boss", "ask", name, "fail", k:root "boss", reason).name, "VatTerminated",
        "the message that ended it")
      local late = helpers.reason(k, "boss", "admin", name, "done")
      same(late, early:reason(), "early and late")
      helpers.says(late.message or late, reason.message or reason)
    end
    same(logs.boss, {}, "what it sent in the crank")
    helpers.settle(k)
  end)

  it("done() is known after a restart and a clean-up", function()
    local k = bosses { db = true }
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "make", "kid", { name = "bob" })
    k:send("boss", "admin", "bob", "done"):release()
    helpers.call(k, "boss", "ask", "ann", "exit", nil, "the value")
    k = helpers.reopen(k)
    same(helpers.call(k, "boss", "admin", "ann", "done"), "the value", "after a restart")
    helpers.reason(k, "boss", "ask", "bob", "fail", nil, "bad luck")
    k = helpers.reopen(k)
    helpers.says(helpers.show(helpers.reason(k, "boss", "admin", "bob", "done")), "bad luck")
    helpers.settle(k)
    helpers.call(k, "boss", "forget", "ann")
    helpers.call(k, "boss", "forget", "bob")
    helpers.settle(k)
    k:collect_garbage()
    helpers.run(k)
    same(helpers.column(k:vats(), "name"), { "boss" }, "its record goes with its admin object")
  end)

  it("a value that holds references keeps them alive", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "make", "kid", { name = "bob" })
    local toy = helpers.call(k, "bob", "make")
    helpers.call(k, "boss", "ask", "ann", "exit", nil, { toy = toy })
    same(tostring(helpers.call(k, "boss", "admin", "ann", "done").toy), tostring(toy), "the toy")
    helpers.settle(k)
    helpers.call(k, "boss", "forget", "ann")
    helpers.settle(k)
    k:collect_garbage()
    helpers.audit(k)
    same(helpers.call(k, toy, "play"), "toy of 0", "the toy, held by the host")
  end)

  it("terminate: once; again, or an upgrade of the dead, is refused with the reason", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local id = helpers.vat(k, "ann").id
    helpers.call(k, "boss", "admin", "ann", "terminate", "enough")
    for _, method in ipairs { "terminate", "upgrade" } do
      local reason = helpers.reason(k, "boss", "admin", "ann", method, "kid2")
      helpers.says(reason.message, "terminated")
    end
    same(helpers.reason(k, "boss", "admin", "ann", "done").name, "VatTerminated", "done")
    for _, method in ipairs { "terminate_vat", "suspend_vat", "resume_vat", "upgrade_vat" } do
      helpers.raises(method .. " by the host", k[method], k, id)
    end
    helpers.settle(k)
  end)

  it("terminate with messages queued, parked, in flight, sent later: all are rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    local parked = helpers.send(k, open, "anything")
    helpers.run(k)
    local in_flight = helpers.send(k, "boss", "ask", "ann", "wait")
    helpers.run(k)
    local queued = helpers.send(k, "ann", "ping")
    local pipelined = helpers.send(k, queued, "anything")
    k:terminate_vat("ann", "enough")
    helpers.audit(k)
    local later = helpers.send(k, toy, "play")
    helpers.run(k)
    for name, handle in pairs { open = open, parked = parked, in_flight = in_flight,
      queued = queued, pipelined = pipelined, later = later } do
      is_terminated(handle, name)
    end
    helpers.settle(k)
  end)

  it("terminate a suspended vat: what was parked with it is rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    k:suspend_vat "ann"
    local parked = helpers.send(k, "boss", "ask", "ann", "ping")
    helpers.run(k)
    same(parked:status(), "unresolved", "parked")
    helpers.call(k, "boss", "admin", "ann", "terminate")
    is_terminated(parked, "afterwards")
    helpers.settle(k)
  end)

  it("killed between the upgrade and its turn: the upgrade is rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local ok, reason = helpers.call(k, "boss", "killed_upgrade", "ann")
    same(ok, false, "after a terminate")
    helpers.says(reason.message, "terminated")
    k:create_vat { name = "bob", bundle = "kid" }
    local upgrade = k:upgrade_vat("bob", { bundle = "kid2" })
    k:terminate_vat "bob"
    helpers.run(k)
    is_terminated(upgrade, "by the host")
    upgrade:release()
    helpers.call(k, "boss", "make", "kid", { name = "cat" })
    helpers.call(k, "boss", "upgrade_then_kill", "cat")
    helpers.settle(k)
  end)

  it("messages that are queued while a vat exits are rejected, what it settled is not", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local open = helpers.send(k, "ann", "wait")
    local exit = helpers.send(k, "ann", "exit")
    local queued = {}
    for i = 1, 5 do
      queued[i] = helpers.send(k, "ann", "ping")
    end
    helpers.run(k)
    same(exit:values(), "result", "the message that ended it")
    is_terminated(open, "a promise that it had not settled")
    for i = 1, 5 do
      is_terminated(queued[i], "queued " .. i)
    end
    same({ helpers.call(k, "boss", "admin", "ann", "done") }, {}, "an exit with nothing")
    helpers.settle(k)
  end)

  it("a vat ends itself through vat_admin in its own delivery", function()
    local k = bosses()
    for name, method in pairs { ann = "end_myself", bob = "end_and_wait" } do
      helpers.call(k, "boss", "make", "kid", { name = name })
      helpers.call(k, "boss", "give_admin", name)
      local done = helpers.send(k, "boss", "admin", name, "done")
      local handle = helpers.send(k, "boss", "ask", name, method)
      helpers.run(k)
      if method == "end_myself" then
        same(handle:values(), "asked", "the delivery counts")
      else
        is_terminated(handle, "what waits for its own end")
      end
      is_terminated(done, "done")
      helpers.says(done:reason().message, "by my own hand", "why")
      same(helpers.vat(k, name), nil, "it is gone")
    end
    helpers.settle(k)
  end)

  it("a vat upgrades itself: the caller hears that it was upgraded", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "give_admin", "ann")
    local reason = helpers.reason(k, "boss", "ask", "ann", "upgrade_myself")
    same({ reason.name, reason.incarnation }, { "VatUpgraded", 0 }, "its own message")
    same(select(3, helpers.call(k, "ann", "hello")), 1, "its incarnation")
    helpers.settle(k)
  end)
end)
