--- Promises between vats: order, pipelining, forwarding, who hears what and when.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- Each recipe: the body of Alice's bootstrap (with vats and test), Bob's methods, and what must
-- come out. Logs are compared vat by vat, in order.
local RECIPES = {
  {
    name = "promiseArg1",
    alice = [[
      local p, resolve = promise()
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "resolving the promise that was sent to Bob"
      resolve "Alice said hi after send"
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg1",
      "sending the promise to Bob",
      "resolving the promise that was sent to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi after send'" },
  },
  {
    name = "promiseArg2",
    alice = [[
      local p, resolve = promise()
      print "resolving the promise that will be sent to Bob"
      resolve "Alice said hi before send"
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg2",
      "resolving the promise that will be sent to Bob",
      "sending the promise to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi before send'" },
  },
  {
    name = "promiseArg3",
    alice = [[
      local p, resolve = promise()
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        print "resolving the promise that was sent to Bob"
        resolve "Alice said hi after Bob's reply"
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg3",
      "sending the promise to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
      "resolving the promise that was sent to Bob",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi after Bob's reply'" },
  },
  {
    name = "promiseIndirect",
    alice = [[
      local p1 = E(bob):genPromise1()
      local p2 = E(bob):genPromise2()
      await(E(bob):resolve { p1 })
      print("resolution == " .. await(p2))
      return "done"
    ]],
    bob = [[
      genPromise1 = function()
        print "genPromise1"
        return "hello"
      end,
      genPromise2 = function()
        print "genPromise2"
        local p
        p, resolver = promise()
        return p
      end,
      resolve = function(self, list)
        print "resolve"
        resolver(list[1])
      end,
    ]],
    result = { "done" },
    alice_log = { "running test promiseIndirect", "resolution == hello" },
    bob_log = { "genPromise1", "genPromise2", "resolve" },
  },
  {
    name = "passResult",
    alice = "passes",
    bob = [[
      first = function()
        print "first"
        return "Bob's first answer"
      end,
      second = function(self, p)
        print "second"
        print("parameter to second resolved to " .. await(p))
        return "Bob's second answer"
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test passResult",
      "first result resolved to Bob's first answer",
      "second result resolved to Bob's second answer",
    },
    bob_log = { "first", "second", "parameter to second resolved to Bob's first answer" },
  },
  {
    name = "passResultPromise",
    alice = "passes",
    bob = [[
      first = function()
        print "first"
        local p
        p, resolver = promise()
        return p
      end,
      second = function(self, p)
        print "second"
        resolver "Bob answers first in second"
        print("parameter to second resolved to " .. await(p))
        return "Bob's second answer"
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test passResultPromise",
      "first result resolved to Bob answers first in second",
      "second result resolved to Bob's second answer",
    },
    bob_log = {
      "first", "second", "parameter to second resolved to Bob answers first in second",
    },
  },
  {
    name = "resolvePipelined",
    alice = [[
      local p1 = E(bob):first()
      local p2 = E(p1):second(p1)
      local done = promise.all {
        p1:next(function(v)
          print("first result resolved to " .. tostring(v))
          return "p1succ"
        end),
        p2:next(function(v)
          print("second result resolved to " .. v)
          return "p2succ"
        end),
      }
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = [[
      first = function()
        print "first"
        return Far("thing", {
          second = function()
            print "thing.second"
            return "Bob's second answer"
          end,
        })
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test resolvePipelined",
      "first result resolved to <thing>",
      "second result resolved to Bob's second answer",
    },
    bob_log = { "first", "thing.second" },
  },
  {
    name = "messageToPromise",
    loopback = 'print "loopback"',
    alice = [[
      local p1 = E(bob):setup()
      local p2 = E(p1):doSomething()
      local done = p2:next(function(v)
        print("second result resolved to '" .. v .. "'")
        return "p2succ"
      end)
      await(E(bob):doResolve())
      print "invoking loopback"
      await(E(bob):loopback())
      print "loopback done"
      return await(done)
    ]],
    bob = [[
      setup = function()
        print "setup"
        local p
        p, resolver = promise()
        return p
      end,
      doResolve = function()
        print "doResolve"
        resolver(Far("thing", {
          doSomething = function()
            print "thing.doSomething"
            return "deferred something"
          end,
        }))
      end,
    ]],
    result = { "p2succ" },
    alice_log = {
      "running test messageToPromise",
      "invoking loopback",
      "second result resolved to 'deferred something'",
      "loopback done",
    },
    bob_log = { "setup", "doResolve", "thing.doSomething", "loopback" },
  },
}

local SHARED = {
  passes = [[
    local p1 = E(bob):first()
    local p2 = E(bob):second(p1)
    local done = promise.all {
      p1:next(function(v)
        print("first result resolved to " .. v)
        return "p1succ"
      end),
      p2:next(function(v)
        print("second result resolved to " .. v)
        return "p2succ"
      end),
    }
    await(E(bob):loopback())
    return await(done)
  ]],
  takes = [[
    hereIsAPromise = function(self, p)
      local done = p:next(function(v)
        print("the promise parameter resolved to '" .. v .. "'")
        return "bobPSucc"
      end, function(e)
        print("the promise parameter rejected as '" .. tostring(e) .. "'")
        return "bobPFail"
      end)
      return { done, "Bob.hereIsAPromise done" }
    end,
  ]],
}

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

local function play(recipe)
  local k, logs, cluster = helpers.kernel {
    bootstrap = "alice",
    vats = {
      alice = ([[
        return function(vat, params)
          return Far("Alice", {
            bootstrap = function(self, vats)
              local bob = vats.bob
              print "running test %s"
              %s
            end,
          })
        end
      ]]):format(recipe.name, SHARED[recipe.alice] or recipe.alice),
      bob = ([[
        return function(vat, params)
          local resolver
          return Far("Bob", {
            loopback = function() %s end,
            %s
          })
        end
      ]]):format(recipe.loopback or "", SHARED[recipe.bob] or recipe.bob),
    },
  }
  helpers.run(k, recipe.name)
  same(helpers.level(logs, "fault"), {}, recipe.name .. ": faults")
  same(logs.alice, recipe.alice_log, recipe.name .. ": Alice's log")
  same(logs.bob, recipe.bob_log, recipe.name .. ": Bob's log")
  same({ cluster.bootstrap:values() }, recipe.result, recipe.name .. ": the result")
  helpers.settle(k)
end

describe("promises: the recipes", function()
  after_each(helpers.clean)

  for _, recipe in ipairs(RECIPES) do
    it(recipe.name, function()
      play(recipe)
    end)
  end
end)

-- Bob's door gives a promise that settle(how) settles; everything in it lives as long as Bob, so
-- that what is left behind shows in the counts.
local DOOR = [[
  return function(vat, params)
    local p, resolve, reject
    return Far("Bob", {
      door = function()
        p, resolve, reject = promise()
        return p
      end,
      settle = function(self, how)
        if how == "object" then
          resolve(self)
        elseif how == "data" then
          resolve(42)
        else
          reject(Error { name = "Closed", message = "the door is closed" })
        end
        p, resolve, reject = nil, nil, nil
      end,
      knock = function(self, i)
        print("knock " .. i)
        return "answer " .. i
      end,
    })
  end
]]

local KNOCKER = [[
  return function(vat, params)
    local function knock(p, n)
      for i = 1, n do
        E(p):knock(i):next(function(v)
          print(v)
        end, function(e)
          print(i .. " " .. e.name .. ": " .. e.message)
        end)
      end
    end
    return Far("Alice", {
      go = function(self, bob, n, when, how)
        local p = E(bob):door()
        if when == "before" then
          knock(p, n)
          await(E(bob):settle(how))
        else
          E(bob):settle(how)
          pcall(await, p)
          knock(p, n)
        end
      end,
    })
  end
]]

local function counts(k)
  local objects = {}
  for i, row in ipairs(k:objects()) do
    objects[i] = { row.kref, row.reachable, row.recognizable }
  end
  local rows = 0
  for _, vat in ipairs(k:vats()) do
    rows = rows + #k:clist(vat.id)
  end
  return { objects = objects, clist_rows = rows }
end

describe("promises: pipelining", function()
  after_each(helpers.clean)

  local REASON = {
    data = "NotCallable: data is not callable, has no method knock",
    rejection = "Closed: the door is closed",
  }

  for _, how in ipairs { "object", "data", "rejection" } do
    for _, when in ipairs { "before", "after" } do
      it(("1, 2, 3, 5 and 50 sends %s the promise settles with %s"):format(when, how), function()
        local k, logs = helpers.kernel { vats = { alice = KNOCKER, bob = DOOR } }
        local bob = k:root "bob"
        helpers.call(k, "alice", "go", bob, 1, when, how) -- alice and bob have met
        helpers.settle(k)
        local baseline = counts(k)
        for _, n in ipairs { 1, 2, 3, 5, 50 } do
          local case = ("%d sends %s %s"):format(n, when, how)
          logs.alice, logs.bob = nil, nil
          helpers.call(k, "alice", "go", bob, n, when, how)
          local answers, knocks = {}, {}
          for i = 1, n do
            answers[i] = how == "object" and "answer " .. i or i .. " " .. REASON[how]
            knocks[i] = how == "object" and "knock " .. i or nil
          end
          same(logs.alice, answers, case .. ": the answers, in order")
          same(logs.bob, knocks, case .. ": the deliveries, in order")
          helpers.settle(k)
          same(counts(k), baseline, case .. ": counts are not back where they began")
        end
      end)
    end
  end

  it("a chain of calls goes through four vats without waiting", function()
    local link = [[
      return function(vat, params)
        local other_root
        return Far(vat.name, {
          give = function(self, other) other_root = other end,
          b = function() return other_root end,
          c = function() return other_root end,
          d = function() return "end of the chain" end,
        })
      end
    ]]
    local k, logs, cluster = helpers.kernel {
      bootstrap = "main",
      vats = {
        va = link, vb = link, vc = link,
        main = [[
          return function(vat)
            return Far("Main", {
              bootstrap = function(self, vats)
                E.send_only(vats.va):give(vats.vb)
                E.send_only(vats.vb):give(vats.vc)
                return await(E(E(E(vats.va):b()):c()):d())
              end,
            })
          end
        ]],
      },
    }
    helpers.run(k)
    same(helpers.level(logs, "fault"), {}, "faults")
    same({ cluster.bootstrap:values() }, { "end of the chain" }, "the chain's value")
    helpers.settle(k)
  end)

  it("when the middle of a chain rejects, every later result has the same reason", function()
    local k, logs = helpers.kernel {
      vats = {
        far = [[
          return function(vat)
            return Far("Far", {
              b = function(self) return self end,
              c = function()
                error(Error { name = "Broken", message = "c is broken", at = "c" })
              end,
              d = function() print "d must not run" end,
            })
          end
        ]],
        main = [[
          return function(vat)
            return Far("Main", {
              go = function(self, a)
                local b = E(a):b()
                local c = E(b):c()
                local d = E(c):d()
                local e = E(d):e()
                for name, p in pairs { b = b, c = c, d = d, e = e } do
                  p:next(function() print(name .. " fulfilled") end, function(reason)
                    print(name .. " " .. reason.name .. " " .. reason.message .. " " .. reason.at)
                  end)
                end
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "far")
    same(sorted(logs.main), {
      "b fulfilled", "c Broken c is broken c", "d Broken c is broken c", "e Broken c is broken c",
    }, "main's log")
    same(logs.far, {}, "far's log")
    helpers.settle(k)
  end)
end)

describe("promises: forwarding", function()
  after_each(helpers.clean)

  it("a promise follows a promise of another vat, twice over", function()
    local k, logs, cluster = helpers.kernel {
      bootstrap = "alice",
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              bootstrap = function(self, vats)
                local p, resolve = promise()
                local early = E(p):name("early")
                resolve(E(vats.bob):pass(vats.carol))
                local late = E(p):name("late")
                print(await(early))
                print(await(late))
                return (await(p))
              end,
            })
          end
        ]],
        bob = [[
          return function()
            return Far("Bob", {
              pass = function(self, carol)
                return E(carol):later(self)
              end,
              resolve_now = function() end,
            })
          end
        ]],
        carol = [[
          return function()
            return Far("Carol", {
              later = function(self, bob)
                local p, resolve = promise()
                E(bob):resolve_now():next(function() resolve(self) end)
                return p
              end,
              name = function(self, when) return "Carol " .. when end,
            })
          end
        ]],
      },
    }
    helpers.run(k)
    same(helpers.level(logs, "fault"), {}, "faults")
    same(logs.alice, { "Carol early", "Carol late" }, "alice's log")
    same(tostring(cluster.bootstrap:values()), tostring(k:root "carol"), "what p became")
    helpers.settle(k)
  end)

  it("a message that comes back to its sender: who sent it decides its result", function()
    local k, logs = helpers.kernel {
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              go = function(self, bob, how)
                local p = E(bob):back(self)
                local r = E(p):reflected(bob, how)
                E.send_only(bob):hear { r }
                print("alice: " .. await(r))
              end,
              reflected = function(self, bob, how)
                if how == "value" then return "a value" end
                return E(bob):later()
              end,
            })
          end
        ]],
        bob = [[
          return function()
            return Far("Bob", {
              back = function(self, x) return x end,
              hear = function(self, list)
                list[1]:next(function(v) print("bob: " .. v) end)
              end,
              later = function() return "from bob" end,
            })
          end
        ]],
      },
    }
    local bob = k:root "bob"
    helpers.call(k, "alice", "go", bob, "value")
    helpers.call(k, "alice", "go", bob, "a promise of bob's")
    same(logs.alice, { "alice: a value", "alice: from bob" }, "alice's log")
    same(logs.bob, { "bob: a value", "bob: from bob" }, "bob's log")
    helpers.settle(k)
  end)

  it("a promise resolved with itself is rejected", function()
    local k = helpers.kernel {
      vats = {
        main = [[
          return function()
            return Far("Main", {
              alone = function()
                local p, resolve = promise()
                resolve(p)
                return p
              end,
              ring = function()
                local p, resolve_p = promise()
                local q, resolve_q = promise()
                resolve_p(q)
                resolve_q(p)
                return p
              end,
            })
          end
        ]],
      },
    }
    helpers.says(helpers.reason(k, "main", "alone"), "cannot follow itself")
    helpers.says(helpers.reason(k, "main", "ring"), "cannot follow itself")
    helpers.settle(k)
  end)

  it("a result promise cannot be resolved with itself through another vat", function()
    local k = helpers.kernel {
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              go = function(self, bob)
                local p, resolve = promise()
                local r = E(bob):same(p) -- r follows p
                resolve(r)               -- and p follows r
                local ok, e = pcall(await, p)
                return ok, tostring(e)
              end,
            })
          end
        ]],
        bob = [[
          return function()
            return Far("Bob", {
              same = function(self, p) return p end,
            })
          end
        ]],
      },
    }
    local ok, message = helpers.call(k, "alice", "go", k:root "bob")
    same(ok, false, "awaiting a ring of promises")
    helpers.says(message, "cannot follow itself")
    helpers.settle(k)
  end)

  it("two promises resolved with each other across vats settle and leave nothing", function()
    local side = [[
      return function(vat)
        local p, resolve = promise()
        return Far(vat.name, {
          mine = function() return { p } end, -- in a list, so that it is not followed
          follow = function(self, list)
            resolve(list[1])
            p:next(function() print "fulfilled" end, function(e) print(tostring(e)) end)
            p, resolve = nil, nil
          end,
        })
      end
    ]]
    local k, logs = helpers.kernel {
      vats = {
        left = side, right = side,
        main = [[
          return function()
            return Far("Main", {
              go = function(self, left, right)
                local a, b = await(E(left):mine()), await(E(right):mine())
                E.send_only(left):follow(b)
                E.send_only(right):follow(a)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "left", k:root "right")
    same(#logs.left, 1, "left hears once")
    same(#logs.right, 1, "right hears once")
    helpers.says(logs.left[1], "cannot follow itself")
    helpers.says(logs.right[1], "cannot follow itself")
    helpers.settle(k)
  end)
end)

describe("promises: settling", function()
  after_each(helpers.clean)

  it("a promise sent to two vats tells each once; sent again it is settled", function()
    local listener = [[
      return function(vat)
        local count = 0
        return Far(vat.name, {
          hear = function(self, list)
            count = count + 1
            local n = count
            list[1]:next(function(v) print(n .. " " .. v) end)
          end,
        })
      end
    ]]
    local k, logs = helpers.kernel {
      vats = {
        bob = listener, carol = listener,
        alice = [[
          return function()
            local p, resolve
            return Far("Alice", {
              first = function(self, bob, carol)
                p, resolve = promise()
                E.send_only(bob):hear { p }
                E.send_only(carol):hear { p }
              end,
              settle = function() resolve "settled" end,
              again = function(self, bob)
                E.send_only(bob):hear { p }
              end,
            })
          end
        ]],
      },
    }
    local bob, carol = k:root "bob", k:root "carol"
    helpers.call(k, "alice", "first", bob, carol)
    same(logs.bob, {}, "bob's log before")
    local before = helpers.vat(k, "bob").deliveries
    helpers.call(k, "alice", "settle")
    same(logs.bob, { "1 settled" }, "bob's log after")
    same(logs.carol, { "1 settled" }, "carol's log after")
    same(helpers.vat(k, "bob").deliveries - before, 1, "deliveries to bob for one settling")
    helpers.call(k, "alice", "again", bob)
    same(logs.bob, { "1 settled", "2 settled" }, "bob's log after it came again")
    same(logs.carol, { "1 settled" }, "carol's log after bob got it again")
    helpers.settle(k)
  end)

  it("is settled by its decider, once: what is said later changes nothing", function()
    local k, logs = helpers.kernel {
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              go = function(self, bob)
                local p, resolve, reject = promise()
                E(bob):hear(p)
                resolve "first"
                resolve "second"
                reject "third"
                local q, resolve_q, reject_q = promise()
                E(bob):hear(q)
                reject_q(Error { name = "No", message = "no" })
                resolve_q "yes"
                local f, resolve_f = promise()
                E(bob):hear(f)
                resolve_f(E(bob):value())
                resolve_f "not this: it follows already"
              end,
            })
          end
        ]],
        bob = [[
          return function()
            return Far("Bob", {
              value = function() return "followed" end,
              hear = function(self, p)
                p:next(function(...) print("ok", ...) end, function(e) print("no", e.name) end)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "alice", "go", k:root "bob")
    same(helpers.level(logs, "fault"), {}, "faults")
    same(logs.bob, { "ok\tfirst", "no\tNo", "ok\tfollowed" }, "bob's log")
    helpers.settle(k)
  end)

  it("notifies in vat order before it moves the parked messages", function()
    local listener = [[
      return function(vat)
        return Far(vat.name, {
          hear = function(self, p, order)
            p:next(function() E.send_only(order):note(vat.name .. " told") end)
          end,
        })
      end
    ]]
    local k, logs = helpers.kernel {
      vats = {
        decider = [[
          return function()
            local p, resolve
            return Far("Decider", {
              open = function() p, resolve = promise(); return { p } end,
              settle = function(self, to) resolve(to) end,
            })
          end
        ]],
        order = [[
          return function()
            return Far("Order", { note = function(self, text) print(text) end })
          end
        ]],
        v_one = listener, v_two = listener,
        main = [[
          return function()
            return Far("Main", {
              go = function(self, decider, order, one, two)
                local list = await(E(decider):open())
                E.send_only(two):hear(list[1], order)
                E.send_only(one):hear(list[1], order)
                E.send_only(list[1]):note "parked 1"
                E.send_only(list[1]):note "parked 2"
                await(E(order):note "before")
                E.send_only(decider):settle(order)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "decider", k:root "order", k:root "v_one",
      k:root "v_two")
    same(logs.order, { "before", "parked 1", "parked 2", "v_one told", "v_two told" },
      "notifies were queued first, but what they cause comes after what was parked")
    helpers.settle(k)
  end)

  it("all, race, catch and finally over three vats, one rejecting", function()
    local answer = [[
      return function(vat)
        return Far(vat.name, {
          ask = function(self, ok, ...)
            if not ok then error(Error { name = "Refused", message = vat.name .. " refuses" }) end
            return vat.name, ...
          end,
        })
      end
    ]]
    local k, logs = helpers.kernel {
      vats = {
        one = answer, two = answer, three = answer,
        main = [[
          return function()
            local function text(v)
              return type(v) == "table" and (v.message or table.concat(v, " ")) or tostring(v)
            end
            local function tell(name, p)
              p:next(function(v) print(name .. " ok " .. text(v)) end,
                function(e) print(name .. " no " .. text(e)) end)
            end
            return Far("Main", {
              go = function(self, one, two, three)
                tell("all", promise.all { E(one):ask(true), E(two):ask(true), "data" })
                tell("all with a refusal",
                  promise.all { E(one):ask(true), E(two):ask(false), E(three):ask(true) })
                tell("empty all", promise.all {})
                tell("race", promise.race { promise(), E(two):ask(true), E(three):ask(true) })
                tell("lost race", promise.race { E(three):ask(false), (promise()) })
              end,
              chain = function(self, one)
                local p = E(one):ask(false)
                p:catch(function(e) print("catch " .. e.message); return "mended" end)
                  :next(function(v) print("then " .. v); error "again" end)
                  :finally(function() print "finally" end)
                  :next(function() print "must not run" end)
                  :catch(function(e) print("last " .. e.message) end)
                local q = E(one):ask(true, "second value")
                  :finally(function() print "finally 2"; return "ignored" end)
                print(await(q))
              end,
              late = function(self, one)
                local p = E(one):ask(true)
                await(p)
                p:next(function(v) print("late " .. v) end)
                print "attached"
                local failed = E(one):ask(false)
                pcall(await, failed)
                failed:catch(function(e) print("late " .. e.message) end)
                print "attached too"
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "one", k:root "two", k:root "three")
    same(sorted(logs.main), {
      "all ok one two data",
      "all with a refusal no two refuses",
      "empty all ok ",
      "lost race no three refuses",
      "race ok two",
    }, "all and race")
    logs.main = nil
    helpers.call(k, "main", "chain", k:root "one")
    same(logs.main, {
      "catch one refuses", "then mended", "finally", "last again", "finally 2",
      "one\tsecond value",
    }, "catch and finally, in order")
    logs.main = nil
    helpers.call(k, "main", "late", k:root "one")
    same(logs.main, { "attached", "late one", "attached too", "late one refuses" },
      "callbacks attached late run after the code that attached them")
    helpers.settle(k)
  end)

  it("callbacks of one promise run in the order in which they were attached", function()
    local k, logs = helpers.kernel {
      vats = {
        main = [[
          return function()
            return Far("Main", {
              go = function()
                local p, resolve = promise()
                for i = 1, 5 do p:next(function() print(i) end) end
                resolve()
                print "resolved"
                promise.resolve():next(function() print "after them" end)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go")
    same(logs.main, { "resolved", "1", "2", "3", "4", "5", "after them" }, "main's log")
  end)

  it("promises whose values hold each other are gone when all have dropped them", function()
    local k = helpers.kernel {
      vats = {
        alice = [[
          return function()
            return Far("Alice", {
              go = function(self, bob)
                local p1, resolve1 = promise()
                local p2, resolve2 = promise()
                E.send_only(bob):take { p1, p2 }
                resolve1 { p2 }
                resolve2 { p1 }
              end,
              later = function(self, bob)
                local p1, resolve1 = promise()
                local p2, resolve2 = promise()
                await(E(bob):take { p1, p2 })
                resolve1 { p2 }
                await(E(bob):nothing())
                resolve2 { p1, "and data" }
              end,
            })
          end
        ]],
        bob = [[
          return function()
            return Far("Bob", { take = function(self, list) end, nothing = function() end })
          end
        ]],
      },
    }
    helpers.call(k, "alice", "go", k:root "bob")
    helpers.settle(k)
    helpers.call(k, "alice", "later", k:root "bob")
    helpers.settle(k)
  end)
end)

-- Bob opens doors: door(i) is a promise that open(i, how) settles, later. Whatever is knocked at
-- through it prints who knocked, at which door, and their how manieth knock it was.
local DOORS = [[
  return function(vat, params)
    local doors, settlers = {}, {}
    local function door(i)
      if not doors[i] then
        local p, resolve, reject = promise()
        doors[i], settlers[i] = p, { resolve = resolve, reject = reject }
      end
      return doors[i]
    end
    local room = Far("Room", { knock = function(_, who, i, n) print(who .. i .. " " .. n) end })
    return Far("Bob", {
      door = function(_, i) return door(i) end,
      open = function(_, i, how, other)
        door(i)
        local settler = settlers[i]
        settlers[i] = {}
        if not settler.resolve then
          return
        elseif how == "object" then
          settler.resolve(room)
        elseif how == "elsewhere" then
          settler.resolve(other)
        elseif how == "data" then
          settler.resolve(42)
        elseif how == "door" then
          settler.resolve(door(other))
        else
          settler.reject(Error { name = "Closed", message = "closed" })
        end
      end,
    })
  end
]]

-- A vat that gets doors from Bob and knocks, with the numbers of each door ascending.
local VISITOR = [[
  return function(vat, params)
    local doors, count = {}, {}
    local function knock(i)
      count[i] = (count[i] or 0) + 1
      local n = count[i]
      local function answered() print("answer " .. vat.name .. i .. " " .. n) end
      E(doors[i]):knock(vat.name, i, n):next(answered, answered)
    end
    return Far("Visitor", {
      meet = function(_, bob, many) for i = 1, many do doors[i] = E(bob):door(i) end end,
      knock = function(_, i, times) for _ = 1, times or 1 do knock(i) end end,
      around = function(_, bob, i, ...)
        knock(i)
        E.send_only(bob):open(i, ...)
        knock(i)
      end,
    })
  end
]]

local ELSEWHERE = [[
  return function()
    return Far("Else", { knock = function(_, who, i, n) print(who .. i .. " " .. n) end })
  end
]]

--- Each visitor's knocks at a door and the answers to them, in order: by "alice1", "answer alice1".
local function by_door(entries)
  local lists = {}
  for _, entry in ipairs(entries) do
    local door, n = tostring(entry.text):match "^(.+) (%d+)$"
    if entry.level == "print" and door then
      lists[door] = lists[door] or {}
      table.insert(lists[door], math.tointeger(tonumber(n)))
    end
  end
  return lists
end

--- Plays the same twice, once with the kernel opened again after each step of it: the logs, which
-- must be alike, and so must be the dumps.
local function with_and_without_restarts(scenario)
  local logs, dump
  for _, restart in ipairs { false, true } do
    local k, now = helpers.kernel {
      db = helpers.folder(true) .. "/kernel.db",
      vats = { alice = VISITOR, carol = VISITOR, bob = DOORS, dave = ELSEWHERE },
    }
    local all = {}
    scenario(setmetatable({
      send = function(_, ...) k:send(...):release() end,
      step = function()
        local more = k:step()
        helpers.audit(k)
        if restart then
          table.move(now.all, 1, #now.all, #all + 1, all)
          k, now = helpers.reopen(k)
        end
        return more
      end,
    }, { __index = function(_, name) return function(_, ...) return k[name](k, ...) end end }))
    table.move(now.all, 1, #now.all, #all + 1, all)
    for _, entry in ipairs(all) do
      entry.crank = nil
    end
    same(all, logs or all, "the logs with restarts")
    same(k:dump(), dump or k:dump(), "the dump with restarts")
    logs, dump = all, k:dump()
    helpers.clean()
  end
  return by_door(logs)
end

local function finish(k)
  while k:step() do end -- luacheck: ignore 542
end

local function upto(n)
  local list = {}
  for i = 1, n do
    list[i] = i
  end
  return list
end

describe("promises: order of what waits and what is on its way", function()
  after_each(helpers.clean)

  for _, how in ipairs { "object", "elsewhere", "data", "rejected" } do
    local function check(lists, count)
      same(lists["answer alice1"], upto(count), "the answers")
      same(lists.alice1, (how == "object" or how == "elsewhere") and upto(count) or nil,
        "the knocks")
    end

    it("is that of sending when one is parked and one behind what settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 1)
        k:send("alice", "knock", 1)
        finish(k)
        k:send("alice", "knock", 1, 2)
        k:send("bob", "open", 1, how, k:root "dave")
        finish(k)
      end), 3)
    end)

    it("is that of sending when one crank sends all, and it settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 1)
        finish(k)
        k:send("alice", "around", k:root "bob", 1, how, k:root "dave")
        finish(k)
      end), 2)
    end)

    it("is that of sending along a chain of doors that settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 3)
        k:send("alice", "knock", 1)
        finish(k)
        k:send("bob", "open", 1, "door", 2)
        k:send("alice", "knock", 1)
        k:send("bob", "open", 2, "door", 3)
        k:send("alice", "knock", 1)
        k:send("bob", "open", 3, how, k:root "dave")
        k:send("alice", "knock", 1)
        finish(k)
      end), 4)
    end)

    it("is that of sending, 50 before and 50 after, among others, to " .. how, function()
      local lists = with_and_without_restarts(function(k)
        for _, name in ipairs { "alice", "carol" } do
          k:send(name, "meet", k:root "bob", 2)
        end
        k:send("alice", "knock", 1, 50)
        finish(k)
        for _ = 1, 5 do
          k:send("carol", "knock", 1)
          k:send("carol", "knock", 2)
          k:send("alice", "knock", 1, 10)
        end
        k:send("bob", "open", 1, how, k:root "dave")
        k:send("bob", "open", 2, "door", 1)
        finish(k)
      end)
      check(lists, 100)
      same({ lists["answer carol1"], lists["answer carol2"] }, { upto(5), upto(5) }, "carol's")
    end)
  end

  for seed = 1, 4 do
    it("is each sender's through each promise, whatever happens: " .. seed, function()
      local sent = {}
      local lists = with_and_without_restarts(function(k)
        math.randomseed(seed)
        local hows = { "object", "elsewhere", "data", "rejected", "door", "door", "door" }
        for _, name in ipairs { "alice", "carol" } do
          k:send(name, "meet", k:root "bob", 6)
        end
        sent = {}
        local suspended = false
        for _ = 1, 60 do
          local name, i = math.random(2) == 1 and "alice" or "carol", math.random(6)
          local times = math.random(3)
          if math.random() < 0.25 then
            local how = hows[math.random(#hows)]
            k:send("bob", "open", i, how, how == "door" and math.random(6) or k:root "dave")
          else
            k:send(name, "knock", i, times)
            sent[name .. i] = (sent[name .. i] or 0) + times
          end
          for _ = 1, math.random(0, 4) do
            k:step()
          end
          if math.random() < 0.1 then
            k[suspended and "resume_vat" or "suspend_vat"](k, "dave")
            suspended = not suspended
          end
        end
        if suspended then
          k:resume_vat "dave"
        end
        for i = 1, 6 do
          k:send("bob", "open", i, "object")
        end
        finish(k)
      end)
      for door, count in pairs(sent) do
        -- what a visitor sends to what it knows to be data is answered at home, and so before
        same(sorted(lists["answer " .. door]), upto(count), "all answers at " .. door)
        local knocks = lists[door] or {}
        same(knocks, sorted(knocks), "the knocks at " .. door)
      end
    end)
  end
end)
