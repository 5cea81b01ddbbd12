--- The service `timer`: what waits for a time, also while nobody has the database open.

local core = require "moonvat.core"
local helpers = require "spec.support.helpers"
local kerneltest = require "moonvat.kerneltest"
local timer = require "moonvat.timer"

local same = helpers.same

local MAIN <const> = [[
  return function(vat)
    local timer
    local tickers = {}
    return Far("Main", {
      bootstrap = function(self, vats, services)
        timer = services.timer
      end,
      after = function(self, seconds, name)
        return E(timer):after(seconds):next(function(...)
          print(name or "after", vat.now(), select("#", ...))
        end)
      end,
      at = function(self, time, name)
        return E(timer):at(time):next(function(...)
          print(name or "at", vat.now(), select("#", ...))
        end)
      end,
      every = function(self, seconds, name)
        tickers[name] = await(E(timer):every(seconds, self, name))
      end,
      every_of = function(self, seconds, target, name)
        tickers[name] = await(E(timer):every(seconds, target, name))
      end,
      tick = function(self, ...) print("tick", vat.now(), select("#", ...)) end,
      tock = function() print("tock", vat.now()) end,
      ["odd \0 name%"] = function() print "odd" end,
      cancel = function(self, name) return await(E(tickers[name]):cancel()) end,
      forget = function(self, name) tickers[name] = nil end,
      other = function(self, name) return E(tickers[name]):other() end,
      raw = function(self, method, ...)
        local sending = E(timer)
        return sending[method](sending, ...)
      end,
      pending = function(self)
        local target, resolve = promise()
        local _, reason = pcall(await, E(timer):every(1, target, "tick"))
        resolve(self)
        error(reason)
      end,
    })
  end
]]

local BOB <const> = [[
  return function(vat)
    return Far("Bob", {
      ping = function() print("ping", vat.now()) end,
      far = function() return Far("Thing", { ping = function() print "thing" end }) end,
    })
  end
]]

describe("the timer", function()
  local now, clocked, k, logs

  before_each(function()
    now = 1000
    clocked = { clock = function() return now end }
  end)

  after_each(helpers.clean)

  local function open(db)
    k, logs = helpers.kernel {
      db = db, open = clocked, bootstrap = "main", services = { "timer" },
      vats = { main = MAIN, bob = BOB },
    }
    helpers.run(k)
  end

  local function reopen()
    k, logs = helpers.reopen(k, clocked)
    helpers.run(k)
  end

  local function go_to(time)
    now = time
    helpers.run(k)
  end

  local function nothing_left()
    same(timer.next_due(k), nil, "a timer waits")
    same(k:settings "timer.", {}, "settings of after and at")
    same(k:settings "every.", {}, "settings of every")
    helpers.settle(k)
    same(k:queue(), {}, "the queue")
  end

  it("fulfills after so many seconds, with no values", function()
    open()
    local done = helpers.send(k, "main", "after", 10)
    helpers.run(k)
    same(timer.next_due(k), 1010.0)
    go_to(1009.9)
    same(done:status(), "unresolved")
    same(logs.main, {})
    go_to(1010)
    same(done:status(), "fulfilled")
    same(logs.main, { "after\t1010.0\t0" })
    nothing_left()
  end)

  it("fulfills at a time, and at once when that is past", function()
    open()
    helpers.send(k, "main", "at", 1100.5)
    helpers.send(k, "main", "at", 3, "past")
    helpers.send(k, "main", "after", 0, "zero")
    helpers.run(k)
    same(logs.main, { "past\t1000.0\t0", "zero\t1000.0\t0" })
    go_to(1200)
    same(logs.main[3], "at\t1200.0\t0")
    nothing_left()
  end)

  it("goes by time, and of equal times by who asked first", function()
    open(true)
    for _, call in ipairs { { 1030, "c" }, { 1010, "a" }, { 1020, "b1" }, { 1020, "b2" } } do
      helpers.send(k, "main", "at", call[1], call[2])
    end
    helpers.send(k, "main", "every", 20, "tick")
    helpers.send(k, "main", "at", 1020, "b3")
    helpers.run(k)
    go_to(1035)
    for i, line in ipairs(logs.main) do
      logs.main[i] = line:match "^%w+"
    end
    same(logs.main, { "a", "b1", "b2", "tick", "b3", "c" })
    reopen()
    go_to(1040)
    same(logs.main, { "tick\t1040.0\t0" })
  end)

  it("keeps the order of very many", function()
    open()
    local want = {}
    for i = 1, 300 do
      local time = 1001 + i * 7919 % 150
      k:send("main", "at", time, "n"):release()
      want[i] = { time = time, i = i }
    end
    k:run()
    table.sort(want, function(a, b)
      return a.time < b.time or a.time == b.time and a.i < b.i
    end)
    for _, at in ipairs(want) do
      if at.time > now then
        now = at.time
        k:run()
      end
    end
    same(#logs.main, 300)
    for i, at in ipairs(want) do
      same(logs.main[i], ("n\t%d.0\t0"):format(at.time), "line " .. i)
    end
    helpers.audit(k)
    nothing_left()
  end)

  it("is not put off by a restart", function()
    open(true)
    local done = k:send("main", "after", 10)
    k:pin(done.kref)
    local kref = done.kref
    helpers.run(k)
    now = 1008
    reopen()
    same(timer.next_due(k), 1010.0)
    reopen() -- the call is shown again each time
    go_to(1010)
    same(logs.main, { "after\t1010.0\t0" })
    same(k:promise(kref):status(), "fulfilled")
    k:unpin(kref)
    reopen()
    same(logs.main, {})
    nothing_left()
  end)

  it("is as it was when the process is killed", function()
    open(true)
    helpers.send(k, "main", "after", 10, "one")
    helpers.send(k, "main", "every", 4, "tick")
    helpers.run(k)
    local copy = helpers.folder() .. "/copy.db"
    helpers.copy_db(helpers.db(k), copy)
    helpers.close(k)
    k, logs = helpers.open(copy, clocked)
    go_to(1004)
    go_to(1010)
    same(logs.main, { "tick\t1004.0\t0", "tick\t1010.0\t0", "one\t1010.0\t0" })
  end)

  it("keeps what waits also in a block of many cranks", function()
    clocked.commit_every = 1000
    open(true)
    k:send("main", "after", 10, "one"):release()
    while k:step() do end
    local copy = helpers.folder() .. "/copy.db"
    helpers.copy_db(helpers.db(k), copy)
    k, logs = helpers.open(copy, clocked)
    same(#k:settings "timer.", 1)
    now = 1010
    helpers.run(k)
    same(logs.main, { "one\t1010.0\t0" })
  end)

  it("sends every so many seconds, until it is cancelled", function()
    open()
    helpers.call(k, "main", "every", 5, "tick")
    same(logs.main, {})
    for time = 1001, 1016 do
      go_to(time)
    end
    same(logs.main, { "tick\t1005.0\t0", "tick\t1010.0\t0", "tick\t1015.0\t0" })
    same(helpers.call(k, "main", "cancel", "tick"), true)
    same(helpers.call(k, "main", "cancel", "tick"), false)
    go_to(1100)
    same(#logs.main, 3)
    nothing_left()
    helpers.call(k, "main", "forget", "tick")
    k:collect_garbage()
    same(helpers.row(k:objects(), "interface", "Ticker"), nil, "the ticker's object")
    helpers.audit(k)
  end)

  it("makes up for missed ticks with one", function()
    open(true)
    helpers.call(k, "main", "every", 5, "tick")
    go_to(1023)
    same(logs.main, { "tick\t1023.0\t0" })
    now = 1049
    reopen()
    same(logs.main, { "tick\t1049.0\t0" })
    same(timer.next_due(k), 1050.0)
    go_to(1050)
    same(#logs.main, 2)
    reopen()
    same(logs.main, {})
    same(helpers.call(k, "main", "cancel", "tick"), true)
    reopen()
    nothing_left()
  end)

  it("has tickers beside each other, for methods of any name", function()
    open(true)
    helpers.call(k, "main", "every", 2, "tick")
    helpers.call(k, "main", "every", 3, "tock")
    helpers.call(k, "main", "every", 4, "odd \0 name%")
    reopen()
    go_to(1002)
    go_to(1003)
    go_to(1004)
    same(logs.main, { "tick\t1002.0\t0", "tock\t1003.0", "tick\t1004.0\t0", "odd" })
    helpers.call(k, "main", "cancel", "tick")
    go_to(1006)
    same(logs.main[5], "tock\t1006.0")
    same(#k:settings "every.", 2)
  end)

  it("sends nothing to a vat that is suspended, and ends with its target", function()
    open()
    local bob = k:root "bob"
    helpers.call(k, "main", "every_of", 5, bob, "ping")
    k:suspend_vat "bob"
    go_to(1020)
    same(k:queue(), {}, "ticks pile up")
    k:resume_vat "bob"
    go_to(1025)
    same(logs.bob, { "ping\t1025.0" })
    bob:release()
    k:terminate_vat "bob"
    go_to(1030)
    same(helpers.level(logs, "unhandled"), {})
    nothing_left()
  end)

  it("holds its target, and lets it go", function()
    open()
    local thing = helpers.call(k, "bob", "far")
    helpers.call(k, "main", "every_of", 5, thing, "ping")
    local kref = thing.kref
    thing:release()
    helpers.settle(k)
    k:collect_garbage()
    go_to(1005)
    same(logs.bob, { "thing" })
    helpers.call(k, "main", "cancel", "ping")
    helpers.settle(k)
    k:collect_garbage()
    same(helpers.row(k:objects(), "kref", kref), nil, "the target")
  end)

  it("fires while there is other work", function()
    open()
    k:send("main", "after", 1, "due"):release()
    k:run()
    now = 1001
    for _ = 1, 1000 do
      k:send("bob", "ping"):release()
    end
    k:run { cranks = 200 }
    same(k:settings "timer.", {})
    k:run()
    same(logs.main, { "due\t1001.0\t0" })
  end)

  it("refuses what is no time, and says what would be one", function()
    open()
    local refused = {
      { "at least 0, got -1", "after", -1 },
      { "seconds of at least 0, got", "after", -(0 / 0) },
      { "at least 0, got inf", "after", math.huge },
      { 'number of seconds of at least 0, got "5"', "after", "5" },
      { "got nil", "after" },
      { "as vat.now() gives it, got -5", "at", -5 },
      { "as vat.now() gives it, got table", "at", {} },
      { "at least 0.001, got 0", "every", 0 },
      { "at least 0.001, got -3", "every", -3 },
      { "object to send to after the seconds, got nil", "every", 1 },
      { 'object to send to after the seconds, got "main"', "every", 1, "main", "tick" },
      { "at least 0, got ko", "after", "root" },
      { "method's name after the target, got 5", "every", 1, "root", 5 },
      { "method's name after the target, got", "every", 1, "root", ("x"):rep(300) },
      { "has no method sleep, has: after, at, every", "sleep", 1 },
    }
    for _, case in ipairs(refused) do
      for i, value in ipairs(case) do
        case[i] = value == "root" and k:root "main" or value
      end
      local reason = helpers.reason(k, "main", "raw", table.unpack(case, 2, 5))
      helpers.says(reason.message, case[1])
    end
    helpers.says(helpers.reason(k, "main", "pending").message, "await it first")
    helpers.call(k, "main", "every", 1, "tick")
    local reason = helpers.reason(k, "main", "other", "tick")
    helpers.says(reason.message, "has no method other, has: cancel")
    helpers.call(k, "main", "cancel", "tick")
    nothing_left()
  end)

  it("refuses what no kernel can have written, and says so", function()
    open(true)
    local db = helpers.db(k)
    helpers.close(k)
    for name, value in pairs {
      ["timer.7"] = "soon", ["timer.x"] = "5", ["every.ko9"] = "5 1 7 ko1",
      ["every.ko8"] = "5 0 7 ko1 tick",
      ["every.ko7"] = "5 x 7 ko1 tick", ["every.ko6"] = "x 5 7 ko1 tick",
      ["every.ko5"] = "5 5 99999999999999999999 ko1 tick", ["every.ko4"] = "5 5 7 kp1 tick",
    } do
      local raw = assert(kerneltest.open(db))
      raw:sql(("INSERT INTO setting VALUES ('%s', '%s')"):format(name, value))
      assert(raw:commit())
      raw:close()
      helpers.says(helpers.raises(name, helpers.open, db),
        db .. " is damaged: table setting, row " .. name .. " makes no sense")
      raw = assert(kerneltest.open(db))
      raw:sql "DELETE FROM setting"
      assert(raw:commit())
      raw:close()
    end
    k = helpers.open(db)
    helpers.run(k)
  end)

  it("gives way to a service of that name", function()
    clocked.services = { timer = { after = function(_, seconds) return seconds * 2 end } }
    open()
    same(helpers.call(k, "main", "raw", "after", 21), 42)
    nothing_left()
  end)
end)

describe("the clock", function()
  after_each(helpers.clean)

  it("is what vats see", function()
    local now = 5
    local k = helpers.kernel {
      open = { clock = function() return now end },
      vats = { main = [[
        return function(vat)
          local started = vat.now()
          return Far("Main", { times = function() return started, vat.now() end })
        end
      ]] },
    }
    now = 7.5
    same({ helpers.call(k, "main", "times") }, { 5.0, 7.5 })
    same(k:now(), 7.5)
  end)

  it("must be a function that returns a number", function()
    helpers.says(helpers.raises("a number", helpers.open, ":memory:", { clock = 5 }),
      "clock must be a function")
    for _, odd in ipairs { "5s", {}, -1, 0 / 0, math.huge } do
      helpers.says(helpers.raises(tostring(odd), function()
        local k <close> = helpers.open(":memory:", { clock = function() return odd end })
        k:run()
      end), "clock must return a number of seconds")
    end
  end)

  it("is the system's without one", function()
    local k = helpers.open ":memory:"
    local before = os.time()
    assert(k:now() >= before and k:now() < before + 60)
    core.sleep(0)
    core.sleep(-1)
  end)
end)

describe("moonvat run --follow", function()
  after_each(helpers.clean)

  it("stays while timers wait, and for nothing else", function()
    local folder = helpers.folder()
    helpers.write(folder .. "/main.lua", [[
      return function(vat)
        local ticks, ticker = 0
        return Far("Main", {
          bootstrap = function(self, vats, services)
            ticker = await(E(services.timer):every(0.4, self, "tick"))
            await(E(services.timer):after(0.2))
            print "after"
            return (promise())
          end,
          tick = function()
            ticks = ticks + 1
            print("tick " .. ticks)
            if ticks == 3 then
              E(ticker):cancel()
            end
          end,
        })
      end
    ]])
    helpers.write(folder .. "/config.lua", [[return {
      bootstrap = "main", services = { "timer" }, vats = { main = { source = "main.lua" } },
    }]])
    local command = ("timeout 20 %s run %s/config.lua --db %s/x.db"):format(
      helpers.program(), folder, folder)
    local out, err, status = helpers.command(command)
    same(status, 0, out .. err)
    assert(not (out .. err):find "tick 1", out .. err)
    local before = out .. err
    out, err, status = helpers.command(command .. " --follow")
    same(status, 0, out .. err)
    helpers.says(before .. out .. err, { "after", "tick 3" })
    assert(not (out .. err):find "tick 4", out .. err)
  end)
end)
