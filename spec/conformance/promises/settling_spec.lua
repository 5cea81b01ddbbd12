--- Promises between vats: who hears what and when.

local helpers = require "spec.support.helpers"

local same = helpers.same

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

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
