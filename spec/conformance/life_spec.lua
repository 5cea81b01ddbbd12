--- Launching, routing and ending: where a message goes, and what is left when a vat is gone.

local helpers = require "spec.support.helpers"

local same = helpers.same

local PLAIN = [[
  return function(vat)
    return Far("Plain", { ping = function(self, ...) return "pong", ... end })
  end
]]

describe("life: launching", function()
  after_each(helpers.clean)

  it("gives ids, roots and the bootstrap's handle", function()
    local k, logs, cluster = helpers.kernel {
      bootstrap = "main",
      vats = {
        main = {
          source = [[
            return function(vat, params)
              print(vat.name, vat.incarnation, params.greeting, params.nested.list[2])
              return Far("Main", {
                bootstrap = function(self, vats, services)
                  local names = {}
                  for name in pairs(vats) do names[#names + 1] = name end
                  table.sort(names)
                  print(table.concat(names, " "), vats.main == self, type(services))
                  return "done", await(E(vats.other):ping())
                end,
              })
            end
          ]],
          parameters = { greeting = "hello", nested = { list = { 1, "two" } } },
        },
        other = [[
          return function(vat, params)
            print(next(params))
            return Far("Other", { ping = function() return "pong" end })
          end
        ]],
      },
    }
    same(cluster.id, "s1", "the cluster's id")
    same(cluster.bootstrap:status(), "unresolved", "bootstrap is queued, not run")
    same(logs.main, { "main\t0\thello\ttwo" }, "main has started")
    same(logs.other, { "nil" }, "other has started, with an empty table")
    for name, id in pairs(cluster.vats) do
      assert(id:find "^v%d+$", "an id is " .. id)
      local row = helpers.row(k:vats(), "id", id)
      same({ row.name, row.cluster, row.state, row.incarnation, row.fault },
        { name, "s1", "running", 0, nil }, "the row of " .. name)
    end
    helpers.run(k)
    same({ cluster.bootstrap:values() }, { "done", "pong" }, "bootstrap's values")
    same(logs.main[2], "main other\ttrue\ttable", "what bootstrap gets")
    same(helpers.column(k:clusters(), "id"), { "s1" }, "clusters")
    helpers.settle(k)
  end)

  it("is in the database with its bootstrap and its bundles, or not at all", function()
    for _, log in ipairs { false, true } do
      local folder = helpers.folder()
      local k = helpers.open(folder .. "/kernel.db", log and {
        log = function() error "the log is lost" end,
      } or nil)
      local config, base = helpers.config {
        bootstrap = "main", bundles = { plain = PLAIN },
        vats = { main = 'return function() print "hi" return Far("Main", {}) end' },
      }
      same(pcall(k.launch, k, config, base), not log, "a log function's error is told")
      helpers.copy_db(folder .. "/kernel.db", folder .. "/copy.db")
      local copy = helpers.open(folder .. "/copy.db")
      same(helpers.column(copy:vats(), "name"), { "main" }, "the vats after a crash")
      same(helpers.column(copy:queue(), "method"), { "bootstrap" }, "its queue")
      same(copy:create_vat { name = "other", bundle = "plain" }, "v2", "a vat of its bundle")
    end
  end)

  it("keeps names apart by cluster", function()
    local k, _, first = helpers.kernel { vats = { main = PLAIN, only = PLAIN } }
    local second = k:launch(helpers.config { vats = { main = PLAIN } })
    same({ first.id, second.id }, { "s1", "s2" }, "ids")
    helpers.says(helpers.raises("the bare name", k.root, k, "main"), "s1.main")
    helpers.raises("a send to the bare name", k.send, k, "main", "ping")
    assert(tostring(k:root "s1.main") ~= tostring(k:root "s2.main"), "two roots")
    same(helpers.call(k, "s2.main", "ping"), "pong", "a name with its cluster")
    same(helpers.call(k, "only", "ping"), "pong", "a name that is there once")
    same(helpers.call(k, first.vats.main, "ping"), "pong", "an id")
    same({ first.bootstrap, second.bootstrap }, {}, "no bootstrap, no handle")
    helpers.settle(k)
  end)

  local FAILURES = {
    ["a syntax error"] = { "return function( end", { "main", "expected near 'end'" } },
    ["a chunk that raises"] = { 'error "at once"', { "main", "at once" } },
    ["a chunk that returns no function"] = { "return {}", { "main", "function", "table" } },
    ["a build function that raises"] = {
      "return function() error 'in the build function' end", { "main", "in the build function" },
    },
    ["a build function that returns a table"] = {
      "return function() return {} end",
      'vat "main": the build function must return Far(...), got table',
    },
    ["a build function that returns nothing"] = {
      "return function() end", 'vat "main": the build function must return Far(...), got nil',
    },
    ["a build function that awaits"] = {
      "return function() await(promise()) return Far('Main', {}) end", { "main", "await" },
    },
    ["a module that is missing"] = {
      "local x = require 'nowhere' return function() return Far('Main', {}) end", "nowhere",
    },
  }

  for name, case in pairs(FAILURES) do
    it(name .. " fails the launch, which leaves nothing", function()
      for _, there in ipairs { {}, { vats = { before = PLAIN } } } do
        local k = helpers.kernel { launch = there.vats ~= nil, vats = there.vats }
        helpers.run(k)
        local before = k:dump()
        local config, folder = helpers.config {
          bootstrap = "main",
          vats = { a_first = PLAIN, main = case[1], z_last = PLAIN },
        }
        for _ = 1, 2 do
          helpers.says(helpers.raises("launch", k.launch, k, config, folder), case[2], name)
          same(k:dump(), before, name .. ": the launch left something behind")
          helpers.audit(k)
        end
        k:launch(helpers.config { vats = { again = PLAIN } })
        same(helpers.call(k, "again", "ping"), "pong", "the next launch works")
        helpers.settle(k)
      end
    end)
  end

  it("what a build function sends before a failure is not sent", function()
    local k = helpers.kernel { vats = { target = PLAIN } }
    local before = k:dump()
    local config, folder = helpers.config {
      vats = {
        main = {
          source = [[
            return function(vat, params)
              E(params.target):ping(Far("Thing", {}))
              vat.vatstore.x = "y"
              vat.baggage.target = params.target
              error "after the send"
            end
          ]],
          parameters = { target = k:root "target" },
        },
      },
    }
    for _ = 1, 3 do
      helpers.says(helpers.raises("launch", k.launch, k, config, folder), "after the send")
      collectgarbage()
      helpers.run(k)
      same(k:dump(), before, "the launch left something behind")
    end
  end)

  it("what a build function sends is delivered after the launch", function()
    local k, logs = helpers.kernel {
      vats = {
        main = [[
          return function(vat)
            E(promise.resolve(Far("Local", {
              hear = function(self, text) print("heard " .. text) end,
            }))):hear("itself")
            print "built"
            return Far("Main", {})
          end
        ]],
      },
    }
    helpers.run(k)
    same(logs.main, { "built", "heard itself" }, "main's log")
    helpers.settle(k)
  end)

  it("a bootstrap that raises rejects its handle, and the vats stay", function()
    local k, _, cluster = helpers.kernel {
      bootstrap = "main",
      vats = {
        main = [[
          return function()
            return Far("Main", {
              bootstrap = function() error "no luck" end,
              ping = function() return "pong" end,
            })
          end
        ]],
      },
    }
    helpers.run(k)
    same({ cluster.bootstrap:status(), cluster.bootstrap:reason().message },
      { "rejected", "no luck" }, "bootstrap")
    same(helpers.call(k, "main", "ping"), "pong", "main")
    helpers.settle(k)
  end)

  it("a config that is wrong is refused, with the path of what is wrong", function()
    local k = helpers.kernel { launch = false }
    local folder = helpers.folder()
    helpers.write(folder .. "/main.lua", PLAIN)
    local main = { source = "main.lua" }
    local CASES = {
      { {}, "vats" },
      { { vats = { main = { source = "missing.lua" } } }, { "vats.main.source", "missing.lua" } },
      { { vats = { main = {} } }, { "vats.main", "source" } },
      { { vats = { main = main }, boostrap = "main" }, { "boostrap", "bootstrap" } },
      { { vats = { main = main }, bootstrap = "other" }, { "bootstrap", "other" } },
      { { vats = { main = { source = "main.lua", options = { memory_limt = 1 } } } },
        "vats.main.options.memory_limt: unknown option (did you mean memory_limit?)" },
      { { vats = { main = { source = "main.lua", options = { time_limit = "1" } } } },
        { "vats.main.options.time_limit", "number" } },
      { { vats = { main = { source = "main.lua", options = { on_fault = "retry" } } } },
        { "vats.main.options.on_fault", "reject" } },
      { { vats = { main = { source = "main.lua", parameters = { f = print } } } },
        { "vats.main.parameters", "f" } },
      { { vats = { v1 = main } }, "v1" },
      { { vats = { ["a b"] = main } }, "a b" },
      { { vats = { main = main }, services = { "nothing" } }, { "services", "nothing" } },
    }
    for _, case in ipairs(CASES) do
      helpers.says(helpers.raises(helpers.show(case[1]), k.launch, k, case[1], folder), case[2],
        helpers.show(case[1]))
      same(k:vats(), {}, "vats left behind")
    end
    helpers.raises("a missing config file", k.launch, k, folder .. "/nothing.lua")
    helpers.audit(k)
  end)

  it("a vat that cannot start again is failed; the kernel and the others go on", function()
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
        good = PLAIN,
      },
    }
    helpers.call(k, "bad", "ruin")
    local k2, logs = helpers.reopen(k)
    same(helpers.call(k2, "good", "ping"), "pong", "the other vat")
    helpers.send(k2, "bad", "ruin")
    helpers.run(k2)
    same(helpers.vat(k2, "bad").state, "failed", "its state")
    helpers.says(helpers.vat(k2, "bad").fault, "cannot start any more", "its reason")
    helpers.says(helpers.show(logs.all), "cannot start any more", "the log")
    same(helpers.call(k2, "good", "ping"), "pong", "the other vat, after it")
  end)
end)

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

describe("life: a vat that ends itself", function()
  after_each(helpers.clean)

  local MAIN = [[
    return function(vat)
      return Far("Main", {
        exit = function(self, other)
          E.send_only(other):note "sent before the exit"
          vat.vatstore.key = "x"
          vat.exit("value")
          E.send_only(other):note "sent after the exit, in the same crank"
          return "the result"
        end,
        fail = function(self, other)
          E.send_only(other):note "must not arrive"
          vat.exit_with_failure(Error { name = "Oops", message = "giving up" })
          return "the result"
        end,
        ping = function() return "pong" end,
      })
    end
  ]]
  local OTHER = [[
    return function()
      return Far("Other", { note = function(self, text) print(text) end })
    end
  ]]

  it("by vat.exit: the crank counts", function()
    local k, logs = helpers.kernel { vats = { main = MAIN, other = OTHER } }
    local handle = helpers.send(k, "main", "exit", k:root "other")
    local later = helpers.send(k, "main", "ping")
    helpers.run(k)
    same(logs.other, { "sent before the exit", "sent after the exit, in the same crank" },
      "other's log")
    same(handle:status(), "fulfilled", "what was settled in the crank")
    same(handle:values(), "the result", "its value")
    same(later:reason().name, "VatTerminated", "a message that came later")
    helpers.settle(k)
  end)

  it("by vat.exit_with_failure: the crank does not count", function()
    local k, logs = helpers.kernel { vats = { main = MAIN, other = OTHER } }
    local reason = helpers.reason(k, "main", "fail", k:root "other")
    same({ reason.name, reason.message }, { "VatTerminated", "vat terminated" }, "its message")
    same(logs.other, {}, "other's log")
    helpers.settle(k)
  end)

  it("a critical vat's end stops the kernel before the commit of that crank", function()
    local k = helpers.kernel {
      db = true,
      open = { commit_every = 1000 },
      vats = {
        main = { source = MAIN, options = { critical = true } },
        other = OTHER,
      },
    }
    helpers.run(k)
    k:send("other", "note", "before")
    k:send("main", "exit", k:root "other")
    k:send("other", "note", "after")
    helpers.says(helpers.raises("run", function()
      while k:step() do end -- luacheck: ignore
    end), { "main", "critical" })
    local db = helpers.db(k)
    helpers.close(k)
    local again, logs = helpers.open(db)
    same(helpers.vat(again, "main").state, "running", "main in the database")
    same(helpers.column(again:queue(), "method"), { "exit", "note" }, "the cranks before count")
    local reason = helpers.raises("run again", function()
      while again:step() do end -- luacheck: ignore
    end)
    helpers.says(reason, "if opening it again ends the same way, suspend the vat and upgrade it")
    same(logs.other, {}, "nothing happens twice")
    helpers.close(again)
    again, logs = helpers.open(db) -- as it says
    again:suspend_vat("main")
    local source = helpers.folder() .. "/other.lua"
    helpers.write(source, OTHER)
    local upgraded = again:upgrade_vat("main", { source = source })
    helpers.run(again)
    same(upgraded:status(), "fulfilled", "the upgrade")
    same(helpers.vat(again, "main").incarnation, 1)
    same(logs.other, { "after" }, "all goes on")
  end)
end)
