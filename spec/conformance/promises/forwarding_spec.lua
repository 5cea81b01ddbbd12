--- Promises between vats: what follows another promise, or is resolved with it.

local helpers = require "spec.support.helpers"

local same = helpers.same

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
