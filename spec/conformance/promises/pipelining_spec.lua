--- Promises between vats: calls on results that are not there yet.

local helpers = require "spec.support.helpers"

local same = helpers.same

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

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
