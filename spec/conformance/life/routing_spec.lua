--- Where a message goes.

local helpers = require "spec.support.helpers"

local same = helpers.same

describe("life: where a message goes", function()
  after_each(helpers.clean)

  local DOOR = [[
    return function(vat)
      local p, resolve, reject
      return Far("Door", {
        open = function() p, resolve, reject = promise(); return p end,
        resolve = function(self, ...) resolve(...) end,
        reject = function(self, ...) reject(...) end,
        note = function(self, text) print(text); return text end,
        me = function(self) return self end,
        data = function() return { 1, 2 } end,
        two = function(self) return self, self end,
        fail = function() error(Error { name = "Failed", message = "it failed", code = 5 }) end,
      })
    end
  ]]

  local function door()
    return helpers.kernel { vats = { door = DOOR } }
  end

  local function promise_row(k, handle)
    return helpers.row(k:promises(), "kref", handle.kref)
  end

  it("object, owner alive: to the owner, who decides the result from the delivery on", function()
    local k, logs, cluster = door()
    local handle = helpers.send(k, "door", "open")
    same(k:queue()[1].method, "open", "it is queued")
    local row = promise_row(k, handle)
    same({ row.state, row.decider }, { "unresolved", nil }, "its result while it is queued")
    helpers.run(k)
    row = promise_row(k, handle)
    same({ row.state, row.decider }, { "unresolved", cluster.vats.door }, "after the delivery")
    same(k:queue(), {}, "the queue")
    same(logs.door, {}, "the log")
  end)

  it("promise, unresolved: parked there, in order, until it settles", function()
    local k, logs = door()
    local opened = helpers.send(k, "door", "open")
    local notes = {}
    for i = 1, 4 do
      notes[i] = helpers.send(k, opened, "note", i)
    end
    helpers.run(k)
    same(logs.door, {}, "nothing arrives yet")
    same(promise_row(k, opened).parked, 4, "how many are parked")
    helpers.call(k, "door", "resolve", k:root "door")
    same(logs.door, { "1", "2", "3", "4" }, "they arrive in order")
    for i = 1, 4 do
      same(notes[i]:values(), i, "answer " .. i)
    end
    helpers.settle(k)
  end)

  it("promise, fulfilled with one object: on to that object", function()
    local k, logs = door()
    local me = helpers.send(k, "door", "me")
    same(helpers.call(k, me, "note", "through"), "through", "the answer")
    same(logs.door, { "through" }, "the log")
    helpers.settle(k)
  end)

  it("promise, fulfilled with anything else: NotCallable", function()
    local k, logs = door()
    for _, method in ipairs { "data", "two", "note" } do
      local target = helpers.send(k, "door", method, method == "note" and "text" or nil)
      local early = helpers.send(k, target, "note", "early")
      helpers.run(k)
      local reason = helpers.reason(k, target, "note", "late")
      same({ reason.name, reason.message },
        { "NotCallable", "data is not callable, has no method note" }, method .. ", late")
      same(early:reason().name, "NotCallable", method .. ", early")
    end
    same(logs.door, { "text" }, "the log")
    helpers.settle(k)
  end)

  it("promise, rejected: rejected with the same reason", function()
    local k = door()
    local failed = helpers.send(k, "door", "fail")
    local early = helpers.send(k, failed, "note", 1)
    local after_early = helpers.send(k, early, "note", 2)
    helpers.run(k)
    local late = helpers.send(k, failed, "note", 3)
    helpers.run(k)
    for name, handle in pairs { early = early, after_early = after_early, late = late } do
      local reason = handle:reason()
      same({ handle:status(), reason.name, reason.message, reason.code },
        { "rejected", "Failed", "it failed", 5 }, name)
    end
    helpers.settle(k)
  end)

  it("a rejection may be any value", function()
    local k = door()
    for _, value in ipairs { "text", 5, false, { 1, { x = 2 } } } do
      local opened = helpers.send(k, "door", "open")
      helpers.run(k)
      helpers.call(k, "door", "reject", value)
      same(opened:status(), "rejected", "status")
      if type(value) ~= "string" then
        same(opened:reason(), value, "the reason")
      end
    end
    helpers.settle(k)
  end)

  it("unknown method: NoSuchMethod, which names the interface and its methods", function()
    local k = door()
    local reason = helpers.reason(k, "door", "knock")
    same({ reason.name, reason.message }, {
      "NoSuchMethod",
      "Door has no method knock, has: data, fail, me, note, open, reject, resolve, two",
    }, "the reason")
    helpers.settle(k)
  end)

  it("object whose vat has ended: VatTerminated", function()
    local k = helpers.kernel {
      vats = {
        mortal = [[
          return function(vat)
            local p = promise()
            return Far("Mortal", {
              thing = function() return Far("Thing", { name = function() return "thing" end }) end,
              wait = function() return p end,
              die = function() vat.exit("farewell"); return "too late?" end,
            })
          end
        ]],
        other = [[
          return function()
            return Far("Other", {
              use = function(self, x) return pcall(await, E(x):name()) end,
            })
          end
        ]],
      },
    }
    local thing = helpers.call(k, "mortal", "thing")
    local root = k:root "mortal"
    local waiting = helpers.send(k, "mortal", "wait")
    local parked = helpers.send(k, waiting, "name")
    helpers.run(k)
    local queued_before = helpers.send(k, "mortal", "die")
    local queued = helpers.send(k, thing, "name")
    local by_promise = helpers.send(k, queued, "anything")
    helpers.run(k)
    assert(queued_before:status() ~= "unresolved", "the message that ended it settles")
    local late = helpers.send(k, thing, "name")
    local late_root = helpers.send(k, root, "wait")
    helpers.run(k)
    for name, handle in pairs {
      waiting = waiting, parked = parked, queued = queued, by_promise = by_promise, late = late,
      late_root = late_root,
    } do
      same({ handle:status(), handle:status() == "rejected" and handle:reason().name },
        { "rejected", "VatTerminated" }, name)
      same(handle:reason().message, "vat terminated", name)
    end
    local ok, reason = helpers.call(k, "other", "use", thing)
    same({ ok, reason.name }, { false, "VatTerminated" }, "another vat's use of it")
    local row = helpers.vat(k, "mortal")
    assert(not row or row.state == "terminated", "it is " .. helpers.show(row))
    helpers.settle(k)
  end)

  it("owner suspended: parked with it, in order, notifies too, until it is resumed", function()
    local k, logs = helpers.kernel {
      db = true,
      vats = {
        door = DOOR,
        sleeper = [[
          return function()
            local count = 0
            return Far("Sleeper", {
              ask = function(self, door)
                E(door):open():next(function(v) print("told " .. v) end)
              end,
              note = function(self, text)
                count = count + 1
                print(text .. " " .. count)
                return text
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "sleeper", "ask", k:root "door")
    k:suspend_vat "sleeper"
    helpers.audit(k, "suspended")
    same(helpers.vat(k, "sleeper").state, "suspended", "its state")
    helpers.call(k, "door", "resolve", "settled while it slept")
    for _, text in ipairs { "one", "two", "three" } do
      k:send("sleeper", "note", text):release()
    end
    local last = helpers.send(k, "sleeper", "note", "four")
    helpers.run(k)
    same(logs.sleeper, {}, "nothing arrives")
    same(last:status(), "unresolved", "its result waits")
    k:send(last, "anything"):release()
    helpers.run(k)
    same(helpers.call(k, "door", "note", "x"), "x", "other vats go on")
    k, logs = helpers.reopen(k)
    helpers.audit(k, "reopened")
    same(helpers.vat(k, "sleeper").state, "suspended", "its state after a restart")
    helpers.run(k)
    same(logs.sleeper, {}, "nothing arrives after a restart")
    k:resume_vat "sleeper"
    helpers.run(k)
    same(logs.sleeper, { "told settled while it slept", "one 1", "two 2", "three 3", "four 4" },
      "it all arrives, in order")
    same(helpers.vat(k, "sleeper").state, "running", "its state")
    helpers.settle(k)
  end)

  it("owner suspended, then terminated: what was parked is rejected", function()
    local k = door()
    k:suspend_vat "door"
    local parked = helpers.send(k, "door", "note", 1)
    local by_promise = helpers.send(k, parked, "note", 2)
    helpers.run(k)
    k:terminate_vat("door", "no longer needed")
    helpers.run(k)
    for _, handle in ipairs { parked, by_promise } do
      same({ handle:status(), handle:reason().name }, { "rejected", "VatTerminated" }, "parked")
    end
    helpers.raises("suspend a terminated vat", k.suspend_vat, k, "v1")
    helpers.raises("resume a terminated vat", k.resume_vat, k, "v1")
    helpers.raises("terminate it again", k.terminate_vat, k, "v1")
    helpers.settle(k)
  end)

  it("owner failed: parked with it, and its state says why", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        bad = {
          source = [[
            return function(vat)
              if vat.vatstore.broken then error "cannot start any more" end
              return Far("Bad", { ruin = function() vat.vatstore.broken = "yes" end })
            end
          ]],
          options = { transcript = false },
        },
      },
    }
    helpers.call(k, "bad", "ruin")
    k = helpers.reopen(k)
    local handle = helpers.send(k, "bad", "ruin")
    helpers.run(k)
    same({ helpers.vat(k, "bad").state, handle:status() }, { "failed", "unresolved" }, "parked")
    k = helpers.reopen(k)
    helpers.run(k)
    same(#k:queue(), 1, "the message still waits after a restart")
    k:terminate_vat("bad", "it is of no use")
    helpers.run(k)
    same(k:queue(), {}, "rejected when it is terminated")
    helpers.settle(k)
  end)

  it("a revoked object: ObjectRevoked, its vat goes on", function()
    local k = helpers.kernel {
      vats = {
        main = [[
          return function()
            return Far("Main", {
              make = function() return Far("Thing", { name = function() return "x" end }) end,
            })
          end
        ]],
      },
    }
    local thing, spared = helpers.call(k, "main", "make"), helpers.call(k, "main", "make")
    local queued = helpers.send(k, thing, "name")
    k:revoke(thing)
    for _ = 1, 3 do
      local reason = helpers.reason(k, thing, "name")
      same({ reason.name, reason.message }, { "ObjectRevoked", "object revoked" }, "the reason")
    end
    same(queued:reason().name, "ObjectRevoked", "a message that was queued")
    same(helpers.row(k:objects(), "kref", tostring(thing)).revoked, true, "its row")
    same(helpers.call(k, spared, "name"), "x", "another object of the vat")
    helpers.settle(k)
  end)
end)
