--- Promises in a vat: following, queueing, and what the kernel is told of them.

local lone = require "spec.support.lone"
local ref = lone.ref

local function resolves(outcome)
  local list = {}
  for _, syscall in ipairs(lone.syscalls(outcome, "resolve")) do
    for _, s in ipairs(syscall) do
      list[#list + 1] = ("%s %s %s"):format(s.promise, s.state,
        s.follow or tostring(s.values.n == 1 and s.values[1] or s.values.n))
    end
  end
  return table.concat(list, "; ")
end

describe("a promise of the kernel's", function()
  after_each(lone.clean)

  it("is subscribed to when it comes, and is one value until it settles", function()
    local vat = lone.start [[
      local seen
      return Far("Main", {
        see = function(self, p, list)
          local same = seen == p
          seen = p
          return same, list[1] == p, list[2] == p
        end,
      })
    ]]
    assert.same({ false, true, false },
      { vat:values("see", ref "p-50", { ref "p-50", ref "p-51" }) })
    local subscribes = lone.syscalls(vat.outcome, "subscribe")
    assert.same({ "p-50", "p-51" }, { subscribes[1].promise, subscribes[2].promise })
    assert.same({ true, true, false }, { vat:values("see", ref "p-50", { ref "p-50" }) })
    assert.same({}, lone.syscalls(vat.outcome, "subscribe"))
    vat:notify("p-50", "fulfilled", 1)
    assert.same({ false, true, false }, { vat:values("see", ref "p-50", { ref "p-50" }) })
  end)

  it("is where messages to it go", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function(self, p)
          local r = E(p):first()
          E(r):second()
          return E(r):third()
        end,
      })
    ]]
    local outcome = vat:message("go", ref "p-50")
    local targets = {}
    for i, send in ipairs(lone.syscalls(outcome, "send")) do
      targets[i] = send.target .. " " .. send.method .. " " .. send.result
    end
    assert.same({ "p-50 first p+1", "p+1 second p+2", "p+1 third p+3" }, targets)
    assert.equal("p-1 follow p+3", resolves(outcome))
  end)

  it("that has settled is a new one of this vat's when it leaves again", function()
    local vat = lone.start [[
      local kept
      return Far("Main", {
        keep = function(self, p) kept = p end,
        send = function(self, x) E.send_only(x):take(kept, { kept }) end,
      })
    ]]
    vat:message("keep", ref "p-50")
    vat:notify("p-50", "fulfilled", "value")
    local outcome = vat:message("send", ref "o-1")
    local send = lone.syscalls(outcome, "send")[1]
    assert.same({ "p+1", "p+1" }, { tostring(send.args[1]), tostring(send.args[2][1]) })
    assert.same({}, lone.syscalls(outcome, "subscribe"))
    assert.equal("p+1 fulfilled value; p-2 fulfilled 0", resolves(outcome))
    assert.equal("p+2 fulfilled value; p-3 fulfilled 0", resolves(vat:message("send", ref "o-1")))
  end)

  it("may settle with others, even in a ring", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function(self, p)
          local list = await(p)
          local inner = await(list[1])
          return inner[1] == p, inner[2]
        end,
      })
    ]]
    vat:message("go", ref "p-50")
    local outcome = vat:deliver {
      kind = "notify",
      { promise = "p-50", state = "fulfilled", values = { { ref "p-51" } } },
      { promise = "p-51", state = "fulfilled", values = { { ref "p-50", "data" } } },
    }
    assert.same({ true, "data", n = 2 }, lone.settlement(outcome, "p-1").values)
    assert.same({}, lone.syscalls(outcome, "subscribe"))
  end)

  it("told late raises BudgetExceeded where it would have been told", function()
    local vat = lone.start [[
      local kept
      return Far("Main", {
        go = function(self, p)
          kept = p
          local follower, follow = promise()
          follow(p)
          p:next(function() print "must not run" end, function(e) print("next", e.name, e.message) end)
          p:next(function() print "must not run" end):catch(function(e) print("catch", e.name) end)
          p:catch(function() print "must not run" end):next(print, function(e) print("then", e.name) end)
          p:finally(function() print "must not run" end):catch(function(e) print("fin", e.name) end)
          follower:next(print, function(e) print("follower", e.name) end)
          local ok, e = pcall(await, p)
          print("await", ok, e.name)
          return (await(p))
        end,
        after = function() return await(kept) end,
      })
    ]]
    vat:message("go", ref "p-50")
    local outcome = vat:deliver {
      kind = "notify", budget_exceeded = true,
      { promise = "p-50", state = "fulfilled", values = { "true value" } },
    }
    local lines = lone.log(outcome)
    table.sort(lines)
    assert.same({ "await\tfalse\tBudgetExceeded", "catch\tBudgetExceeded", "fin\tBudgetExceeded",
      "follower\tBudgetExceeded", "next\tBudgetExceeded\tdelivery exceeded its time limit",
      "then\tBudgetExceeded" }, lines)
    assert.equal("BudgetExceeded", lone.settlement(outcome, "p-1").values[1].name)
    assert.equal("true value", (vat:values "after"))
  end)
end)

describe("a promise of the vat's", function()
  after_each(lone.clean)

  it("that left unsettled is resolved when it settles", function()
    local vat = lone.start [[
      local p, resolve, reject
      return Far("Main", {
        make = function() p, resolve, reject = promise(); return { p } end,
        resolve = function(self, ...) resolve(...) end,
        reject = function(self, why) reject(why) end,
      })
    ]]
    assert.equal("p+1", tostring(vat:values("make")[1]))
    assert.equal("p+1 fulfilled 2; p-2 fulfilled 0", resolves(vat:message("resolve", 1, 2)))
    vat:message "make"
    assert.equal("p+2 rejected why; p-4 fulfilled 0", resolves(vat:message("reject", "why")))
    vat:message "make"
    assert.equal("p+3 follow p-60; p-6 fulfilled 0", resolves(vat:message("resolve", ref "p-60")))
    assert.same({}, vat:notify("p-60", "fulfilled", 1).syscalls)
  end)

  it("brings the promises in its value along, in one batch", function()
    local vat = lone.start [[
      return Far("Main", {
        settled = function() return { promise.resolve { promise.resolve(1) }, promise.reject(2) } end,
        ring = function()
          local p, resolve_p = promise()
          local q, resolve_q = promise()
          resolve_p { q }
          resolve_q { p }
          return { p }
        end,
        pending = function() p, resolve = promise(); return { p } end,
        later = function() resolve(5) end,
        bad = function() return { promise.resolve(print) } end,
      })
    ]]
    local outcome = vat:message "settled"
    assert.equal(1, #outcome.syscalls)
    local batch = outcome.syscalls[1]
    assert.equal(4, #batch)
    assert.same({ "p-1", "p+1", "p+2", "p+3" },
      { batch[1].promise, batch[2].promise, batch[3].promise, batch[4].promise })
    assert.equal("p+3", tostring(batch[2].values[1][1]))
    assert.same({ "rejected", 2, "fulfilled", 1 },
      { batch[3].state, batch[3].values[1], batch[4].state, batch[4].values[1] })
    batch = vat:message("ring").syscalls[1]
    assert.equal(3, #batch)
    assert.equal("p+5", tostring(batch[2].values[1][1]))
    assert.equal("p+4", tostring(batch[3].values[1][1]))
    vat:message "pending"
    assert.equal("p+6 fulfilled 5; p-4 fulfilled 0", resolves(vat:message "later"))
    batch = vat:message("bad").syscalls[1]
    assert.same({ "p+7", "rejected", "value: a function cannot be passed; wrap it in Far" },
      { batch[2].promise, batch[2].state, batch[2].values[1].message })
  end)

  it("that a method returns settles its result, now or later", function()
    local vat = lone.start [[
      local resolve
      return Far("Main", {
        settled = function() return promise.resolve(1, 2) end,
        rejected = function() return promise.reject "why" end,
        pending = function() local p; p, resolve = promise(); return p end,
        resolve = function(self, x) resolve(x) end,
        imported = function(self, p) return p end,
        chain = function(self, p) return p:next(function(v) return v, "more" end) end,
      })
    ]]
    assert.same({ 1, 2, n = 2 }, vat:call("settled").values)
    assert.equal("why", vat:reason "rejected")
    assert.equal("", resolves(vat:message "pending"))
    assert.equal("p-4 fulfilled 0; p-3 fulfilled 7", resolves(vat:message("resolve", 7)))
    assert.equal("p-5 follow p-60", resolves(vat:message("imported", ref "p-60")))
    vat:message("chain", ref "p-61")
    assert.same({ "v", "more", n = 2 },
      lone.settlement(vat:notify("p-61", "fulfilled", "v"), "p-6").values)
    vat:message "pending"
    assert.equal("p-8 fulfilled 0; p-7 follow p-62", resolves(vat:message("resolve", ref "p-62")))
  end)

  it("is the result promise itself, where that comes as a value", function()
    local vat = lone.start [[
      local p, resolve = promise()
      local seen
      return Far("Main", {
        see = function(self, x) seen = x end,
        go = function(self) return p end,
        same = function(self, x) print(x == seen) resolve "done" return (await(x)) end,
      })
    ]]
    vat:message("see", ref "p-2")
    assert.equal("", resolves(vat:message "go")) -- its result is p-2, which was seen before
    local outcome = vat:message("same", ref "p-2")
    assert.same({ "true" }, lone.log(outcome))
    assert.equal("p-2 fulfilled done; p-3 fulfilled done", resolves(outcome))
  end)

  it("may be the result of its own message, come home", function()
    local vat = lone.start [[
      return Far("Main", {
        send = function(self, p) return E(p):later(1):next(function(v) return v .. " home" end) end,
        later = function(self, n) return "later " .. n end,
      })
    ]]
    vat:message("send", ref "p-50")
    local outcome = vat:deliver {
      kind = "message", target = "o+0", result = "p+1", method = "later", args = { 1 },
    }
    assert.equal("p+1 fulfilled later 1; p-1 fulfilled later 1 home", resolves(outcome))
  end)

  it("cannot follow itself", function()
    local vat = lone.start [[
      return Far("Main", {
        alone = function() local p, resolve = promise(); resolve(p); return p end,
        ring = function()
          local p, resolve_p = promise()
          local q, resolve_q = promise()
          local r, resolve_r = promise()
          resolve_p(q) resolve_q(r) resolve_r(p)
          return p
        end,
      })
    ]]
    assert.equal("a promise cannot follow itself", vat:reason("alone").message)
    assert.equal("a promise cannot follow itself", vat:reason("ring").message)
  end)

  it("settles once", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function(self, later)
          local p, resolve, reject = promise()
          resolve(1) resolve(2) reject(3)
          local q, resolve_q, reject_q = promise()
          resolve_q(later) reject_q(4) resolve_q(5)
          q:next(print)
          return await(p)
        end,
      })
    ]]
    assert.equal(1, (vat:values("go", ref "p-50")))
    assert.same({ "6" }, lone.log(vat:notify("p-50", "fulfilled", 6)))
  end)

  it("keeps messages in order until it is known where they go", function()
    local vat = lone.start [[
      local p, resolve = promise()
      local log = Far("Log", { note = function(self, i) print(i) end })
      return Far("Main", {
        queue = function(self, n)
          for i = 1, n do E(p):note(i):next(nil, function(e) print(i, e.name) end) end
        end,
        settle = function(self, x)
          resolve(x == "log" and log or x)
          E(p):note("last")
        end,
      })
    ]]
    vat:message("queue", 3)
    assert.same({}, lone.syscalls(vat.outcome, "send"))
    vat:message("settle", "log")
    assert.same({ "1", "2", "3", "last" }, lone.log(vat.outcome))

    for number, to in ipairs { "o-5", "p-55" } do
      lone.clean()
      vat = lone.start([[
        local p, resolve = promise()
        local q, resolve_q = promise()
        resolve_q(p)
        return Far("Main", {
          queue = function(self, n) for i = 1, n do E(i % 2 == 0 and p or q):note(i) end end,
          settle = function(self, x) resolve(x) end,
          more = function(self) E(p):note "p"; E(q):note "q" end,
        })
      ]], { number = number })
      vat:message("queue", 4)
      local sent = lone.syscalls(vat:message("settle", ref(to)), "send")
      local notes = {}
      for i, send in ipairs(sent) do
        assert.equal(to, send.target)
        notes[i] = send.args[1]
      end
      table.sort(notes)
      assert.same({ 1, 2, 3, 4 }, notes)
      sent = lone.syscalls(vat:message "more", "send")
      assert.same({ to, "p", to, "q" },
        { sent[1].target, sent[1].args[1], sent[2].target, sent[2].args[1] })
    end
  end)

  it("rejects messages that are too large for the kernel once they may leave", function()
    local vat = lone.start([[
      local names = {}
      for i = 1, 9000 do names[i] = Far(("n"):rep(250), {}) end
      return Far("Main", {
        go = function(self, target)
          local p, resolve = promise()
          E.send_only(p):take(("x"):rep(15 << 20), names)
          E(p):take(("x"):rep(15 << 20), names):catch(print)
          E.send_only(p):take "small"
          resolve(target)
        end,
        watch = function(self, p, target) vat.watch(p, target, "told", ("x"):rep(10 << 20)) end,
      })
    ]], { memory_limit = 256 << 20, time_limit = 60 })
    local text <const> = "args: more than 16 MiB encoded, the limit of one message or result"
    local outcome = vat:message("go", ref "o-5")
    assert.equal(nil, outcome.fault)
    assert.same({ "small" }, { lone.syscalls(outcome, "send")[1].args[1] })
    assert.same({ text }, lone.log(outcome))
    assert.same({ "unhandled rejection: LimitExceeded: " .. text },
      lone.log(outcome, "unhandled"))

    vat:message("watch", ref "p-50", ref "o-5")
    outcome = vat:notify("p-50", "fulfilled", ("y"):rep(10 << 20))
    assert.equal(nil, outcome.fault)
    local args = lone.syscalls(outcome, "send")[1].args
    assert.same({ false, text, 10 << 20 }, { args[1], tostring(args[2].message), #args[3] })
  end)

  it("gives its queued messages' results their names when they leave", function()
    local vat = lone.start [[
      local p, resolve = promise()
      local r
      return Far("Main", {
        queue = function(self) r = E(p):m(); return { r } end,
        settle = function(self, x) resolve(x) end,
      })
    ]]
    assert.equal("p+1", tostring(vat:values("queue")[1])) -- it left before its message
    local outcome = vat:message("settle", ref "o-5")
    local send = lone.syscalls(outcome, "send")[1]
    assert.same({ "o-5", "p+2" }, { send.target, send.result })
    assert.equal("p-2 fulfilled 0; p+1 follow p+2", resolves(outcome))
  end)

  it("forms chains of any length", function()
    local vat = lone.start [[
      return Far("Main", {
        follow = function(self, n)
          local first, resolve = promise()
          local p = first
          for i = 1, n do
            local q, follow = promise()
            follow(p)
            p = q
          end
          resolve "end"
          return await(p)
        end,
        send = function(self, n)
          local p = promise.reject "no"
          for i = 1, n do p = E(p):m() end
          return p
        end,
        next = function(self, n)
          local p = promise.resolve(0)
          for i = 1, n do p = p:next(function(v) return v + 1 end) end
          return p
        end,
      })
    ]]
    assert.equal("end", (vat:values("follow", 20000)))
    assert.equal("no", vat:reason("send", 20000))
    assert.equal(20000, (vat:values("next", 20000)))
  end)
end)
