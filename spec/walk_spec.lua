--- The walk of one message: E(bob):greet("alice"), hop by hop through a real kernel.
--
-- Each hop is one crank; before and after it the listings say where the message is, who decides
-- its result, and what each vat calls what. The parts of the walk that no listing shows are those
-- inside one crank: vat, translation, application.

local helpers = require "spec.support.helpers"

local same = helpers.same

local ALICE = [[
  return function(vat)
    return Far("Alice", {
      go = function(self, bob)
        E(bob):greet("alice"):next(function(answer) print("bob says " .. answer) end)
        print "asked"
      end,
    })
  end
]]
local BOB = [[
  return function(vat)
    return Far("Bob", {
      greet = function(self, name)
        print("greeting " .. name)
        vat.vatstore.greetings = "1"
        return "hello " .. name
      end,
    })
  end
]]

--- What is next, in order; what is parked waits elsewhere.
local function queue(k)
  local list = {}
  for _, row in ipairs(k:queue()) do
    if not row.parked then
      list[#list + 1] = { row.kind, row.target, row.method, row.vat }
    end
  end
  return list
end

local function names(k, vat)
  local map = {}
  for _, row in ipairs(k:clist(vat)) do
    map[row.vref] = row.kref
  end
  return map
end

local function promises(k)
  local list = {}
  for i, row in ipairs(k:promises()) do
    list[i] = { row.kref, row.state, row.decider }
  end
  return list
end

local function step(k, what)
  same(k:step(), true, what .. ": there is something to do")
  helpers.audit(k, "after: " .. what)
end

describe("the walk of one message", function()
  after_each(helpers.clean)

  it("from the host through two vats and back", function()
    local k, logs, cluster = helpers.kernel { vats = { alice = ALICE, bob = BOB } }
    local alice, bob = cluster.vats.alice, cluster.vats.bob
    local alice_root, bob_root = tostring(k:root "alice"), tostring(k:root "bob")
    helpers.run(k, "launch")
    same(queue(k), {}, "the queue is empty")
    same(promises(k), {}, "no promise is left of the launch")
    same(names(k, alice), { ["o+0"] = alice_root }, "alice knows her root")
    same(names(k, bob), { ["o+0"] = bob_root }, "bob knows his root")

    -- 1: the host queues; nothing moves yet
    local handle = helpers.send(k, "alice", "go", k:root "bob")
    local go = handle.kref
    same(queue(k), { { "message", alice_root, "go", alice } }, "1: queued")
    same(promises(k), { { go, "unresolved", nil } }, "1: nobody decides the result yet")

    -- 2: alice runs; her send is in the queue, her result settled, bob has become her o-1
    step(k, "2: alice is told to go")
    same(logs.alice, { "asked" }, "2: alice's log")
    same(queue(k), { { "message", bob_root, "greet", bob } }, "2: the send is queued")
    same(handle:status(), "fulfilled", "2: go is done")
    local result = k:promises()[#k:promises()].kref
    assert(result ~= go, "2: the send has a result of its own")
    same(names(k, alice), { ["o+0"] = alice_root, ["o-1"] = bob_root, ["p+1"] = result },
      "2: alice's names: bob and the result, and not the result that she settled")
    local row = helpers.row(k:promises(), "kref", result)
    same({ row.state, row.decider }, { "unresolved", nil }, "2: nobody decides while it is queued")
    same(names(k, bob), { ["o+0"] = bob_root }, "2: bob knows nothing of it yet")

    -- 3: bob runs; the promise is settled, he has let go of it, alice is to be told
    step(k, "3: bob greets")
    same(logs.bob, { "greeting alice" }, "3: bob's log")
    same(k:vatstore "bob", { { key = "greetings", value = "1" } }, "3: bob's vatstore")
    same(names(k, bob), { ["o+0"] = bob_root }, "3: the settled promise is no longer bob's")
    row = helpers.row(k:promises(), "kref", result)
    same(row.state, "fulfilled", "3: the result")
    same(queue(k), { { "notify", result, nil, alice } }, "3: the notify is queued")

    -- 4: alice hears; nobody needs the promise any more
    step(k, "4: alice is told")
    same(logs.alice, { "asked", "bob says hello alice" }, "4: alice's log")
    same(names(k, alice), { ["o+0"] = alice_root, ["o-1"] = bob_root }, "4: alice's names")
    same(helpers.row(k:promises(), "kref", result), nil, "4: the promise is gone")
    same(queue(k), {}, "4: the queue")

    same(k:step(), false, "5: nothing more to do")
    helpers.settle(k)
    same(helpers.level(logs, "fault"), {}, "faults")
  end)

  it("pipelined: parked on a promise, then sent on to what it becomes", function()
    local k, logs, cluster = helpers.kernel {
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              go = function(self, bob) E.send_only(E(bob):find()):greet("alice") end,
            })
          end
        ]],
        bob = [[
          return function()
            local p, resolve = promise()
            return Far("Bob", {
              find = function() return p end,
              found = function(self, x) resolve(x) end,
            })
          end
        ]],
        carol = [[
          return function()
            return Far("Carol", { greet = function(self, name) print("hi " .. name) end })
          end
        ]],
      },
    }
    local carol = tostring(k:root "carol")
    helpers.send(k, "alice", "go", k:root "bob")
    step(k, "alice is told to go")
    local list = queue(k)
    same({ list[1][3], list[2][3] }, { "find", "greet" }, "both are queued")
    local found = list[2][2]
    helpers.says(found, "kp", "greet goes to the result of find")

    step(k, "bob is asked to find")
    same(helpers.row(k:promises(), "kref", found).decider, cluster.vats.bob, "bob decides")
    step(k, "greet waits")
    same(helpers.row(k:promises(), "kref", found).parked, 1, "greet is parked")
    helpers.run(k)
    same(logs.carol, {}, "carol has heard nothing")

    local told = helpers.send(k, "bob", "found", k:root "carol")
    step(k, "bob settles it")
    same(told:status(), "fulfilled", "bob's own result")
    list = queue(k)
    same(list[#list][3], "greet", "greet is queued again, behind the notifies")
    helpers.run(k)
    same(logs.carol, { "hi alice" }, "carol's log")
    same(names(k, "carol"), { ["o+0"] = carol }, "carol keeps no name for it")
    helpers.settle(k)
  end)
end)
