--- Services of the host program: called by message, answered once, asked again after a crash.

local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local same = helpers.same

local MAIN = [[
  return function()
    local services
    local function ask(name, method, ...)
      local e = E(services[name])
      return await(e[method](e, ...))
    end
    return Far("Main", {
      bootstrap = function(self, vats, given) services = given end,
      ask = function(self, name, method, ...) return ask(name, method, ...) end,
      tell = function(self, name, method, ...)
        local e = E.send_only(services[name])
        e[method](e, ...)
      end,
      later = function(self, name, method, ...)
        local e = E(services[name])
        e[method](e, ...):next(
          function(value) print("answered " .. tostring(value)) end,
          function(reason) print("refused " .. reason.message) end)
        return "asked"
      end,
      pass = function(self, name) return services[name] end,
      hello = function(self, who) return "hello " .. who end,
    })
  end
]]

local function launch(services, db)
  local names = {}
  for name in pairs(services) do
    names[#names + 1] = name
  end
  table.sort(names)
  local k, logs = helpers.kernel {
    db = db, open = { services = services },
    bootstrap = "main", services = names, vats = { main = MAIN },
  }
  helpers.run(k)
  return k, logs
end

--- The last commit, opened again, as after a crash: what was not committed is gone.
local function crash(k, services)
  local copy = helpers.folder() .. "/copy.db"
  helpers.copy_db(helpers.db(k), copy)
  helpers.close(k)
  return helpers.open(copy, { services = services })
end

describe("services: calls and answers", function()
  after_each(helpers.clean)

  it("a vat calls one with values, and gets all values of the answer", function()
    local seen = {}
    local k = launch { clock = {
      now = function() return 42 end,
      echo = function(_, ...) seen[#seen + 1] = table.pack(...) return ... end,
      nothing = function() end,
    } }
    same(helpers.call(k, "main", "ask", "clock", "now"), 42, "a value")
    same(table.pack(helpers.call(k, "main", "ask", "clock", "echo", 1, nil, 2.0, { "x" }, nil)),
      { 1, nil, 2.0, { "x" }, nil, n = 5 }, "values, nil among them")
    same(seen[1].n, 5, "arguments")
    same(select("#", helpers.call(k, "main", "ask", "clock", "nothing")), 0, "no value")
    helpers.call(k, "main", "tell", "clock", "echo", "one way")
    helpers.run(k)
    same(seen[2], { "one way", n = 1 }, "a call without a result")
    helpers.settle(k)
  end)

  it("a reference comes to the host as one, and can be kept and called", function()
    local kept
    local k = launch { door = {
      knock = function(_, visitor) kept = visitor return visitor end,
    } }
    local main = k:root "main"
    same(tostring(helpers.call(k, "main", "ask", "door", "knock", main)), tostring(main), "it returns")
    same(helpers.call(k, kept, "hello", "again"), "hello again", "it is called")
    helpers.settle(k)
  end)

  it("the service's object is the same for all, and can be passed on and called by the host", function()
    local k = launch { clock = { now = function() return 42 end } }
    local clock = helpers.call(k, "main", "pass", "clock")
    same(tostring(helpers.call(k, "main", "pass", "clock")), tostring(clock), "the same object")
    same(helpers.call(k, clock, "now"), 42, "called by the host")
    same(helpers.row(k:objects(), "kref", tostring(clock)).owner, "host", "its owner")
    helpers.settle(k)
  end)

  it("errors and unknown methods are rejections, and the kernel goes on", function()
    local k = launch { shop = {
      text = function() error "out of milk" end,
      plain = function() error("out of bread", 0) end,
      value = function() error { name = "SoldOut", message = "no more eggs", left = 0 } end,
      bad_result = function() return function() end end,
      bad_reason = function() error { print } end,
      nothing = function() error() end,
      fine = function() return "fine" end,
    } }
    local function reason(method)
      return helpers.reason(k, "main", "ask", "shop", method)
    end
    local text = reason "text"
    same({ text.name, text.message }, { "Error", "out of milk" }, "text, without its place")
    same(reason "plain".message, "out of bread", "text")
    local value = reason "value"
    same({ value.name, value.message, value.left }, { "SoldOut", "no more eggs", 0 }, "an error value")
    helpers.says(reason "bad_result".message, { "result", "function" })
    helpers.says(reason "bad_reason".message, "cannot be passed")
    helpers.reason(k, "main", "ask", "shop", "nothing")
    local unknown = reason "steal"
    same(unknown.name, "NoSuchMethod", "an unknown method")
    helpers.says(unknown.message, { "shop", "steal", "bad_reason, bad_result, fine" })
    same(helpers.call(k, "main", "ask", "shop", "fine"), "fine", "it goes on")
    helpers.settle(k)
  end)

  it("a service that a config lists must be offered", function()
    local k = helpers.open(":memory:", { services = { clock = {} } })
    local config, folder = helpers.config { services = { "clok" }, vats = { main = MAIN } }
    helpers.says(helpers.raises("launch", k.launch, k, config, folder), { "clok", "clock" })
    same(k:vats(), {}, "nothing was launched")
  end)

  it("what open is given is checked", function()
    for words, services in pairs {
      ["functions by name"] = { clock = { now = 5 } },
      ["must hold"] = { clock = { print } },
      ["must be a table"] = { clock = print },
      ["services must"] = { print },
    } do
      helpers.says(helpers.raises(words, moonvat.open, { db = ":memory:", services = services }), words)
    end
  end)
end)

describe("services: effects", function()
  after_each(helpers.clean)

  it("effect.id is the same when the call is made again after a crash", function()
    local ids, asked = {}, 0
    local services = { mail = {
      send = function(effect)
        asked = asked + 1
        ids[asked] = effect.id
        same(tostring(effect), effect.id, "its text")
        effect:defer()
      end,
    } }
    local logs
    local k = launch(services, true)
    helpers.call(k, "main", "later", "mail", "send", "a")
    helpers.call(k, "main", "later", "mail", "send", "b")
    same(asked, 2, "asked")
    assert(ids[1] ~= ids[2], "each call has an id of its own")
    for round = 1, 3 do
      k, logs = crash(k, services)
      helpers.run(k)
      same(asked, 2 + 2 * round, "asked again")
      same({ ids[asked - 1], ids[asked] }, { ids[1], ids[2] }, "the same ids, in the same order")
      same(logs.main, {}, "nothing is answered")
    end
    local answers = {}
    services.mail.send = function(effect) answers[#answers + 1] = effect.id return #answers end
    k, logs = crash(k, services)
    helpers.run(k)
    same(answers, { ids[1], ids[2] }, "answered")
    same(logs.main, { "answered 1", "answered 2" }, "the vat hears it, once")
    k, logs = helpers.reopen(k, { services = services })
    helpers.run(k)
    same({ #answers, #logs.main }, { 2, 0 }, "an answered call is not made again")
    helpers.settle(k)
  end)

  it("a service runs when the crank that called it is committed", function()
    local k, db
    local seen
    k = launch({ mail = { send = function()
      local reader <close> = moonvat.open { db = db, readonly = true }
      seen = reader:vatstore "main"
      return #reader:promises()
    end } }, true)
    db = helpers.db(k)
    assert(helpers.call(k, "main", "ask", "mail", "send") > 0, "the promise of the call is on disk")
    same(seen, {}, "its vatstore could be read")
  end)

  it("effect:defer() answers later, once, with values or a reason", function()
    local waiting = {}
    local k, logs = launch { alarm = {
      wake = function(effect, after)
        local resolve, reject = effect:defer()
        waiting[after] = { resolve = resolve, reject = reject }
        return "not this"
      end,
    } }
    for i = 1, 3 do
      helpers.call(k, "main", "later", "alarm", "wake", i)
    end
    local direct = helpers.send(k, "main", "ask", "alarm", "wake", 4)
    helpers.run(k)
    same({ logs.main, direct:status() }, { {}, "unresolved" }, "nothing yet")
    waiting[2].resolve "two"
    waiting[1].reject "no time"
    waiting[4].resolve("four", nil, 4)
    helpers.run(k)
    same(logs.main, { "answered two", "refused no time" }, "in the order of the answers")
    same(table.pack(direct:values()), { "four", nil, 4, n = 3 }, "values")
    for _, way in ipairs { "resolve", "reject" } do
      helpers.says(helpers.raises("a second answer", waiting[2][way], "again"), "answered already")
    end
    helpers.audit(k)
    waiting[3].reject { name = "Late", message = "too late" }
    helpers.run(k)
    same(logs.main[3], "refused too late", "an error value")
    helpers.settle(k)
  end)

  it("a function that fails behind effect:defer() rejects the call, or is told of", function()
    local resolve
    local k, logs = launch { alarm = {
      wake = function(effect, how)
        resolve = effect:defer()
        if how == "answered" then
          resolve "in time"
        end
        error "no power"
      end,
    } }
    same(helpers.reason(k, "main", "ask", "alarm", "wake").message, "no power", "its reason")
    helpers.says(helpers.raises("a second answer", resolve, "late"), "answered already")
    same(helpers.call(k, "main", "ask", "alarm", "wake", "answered"), "in time", "its answer")
    helpers.says(table.concat(helpers.level(logs, "notice"), "\n"), { "alarm", "no power" })
    helpers.audit(k)
  end)

  it("a caller that ends does not hurt", function()
    local resolve
    local k = launch { alarm = { wake = function(effect) resolve = effect:defer() end } }
    local call = helpers.send(k, "main", "ask", "alarm", "wake")
    helpers.run(k)
    k:terminate_vat "main"
    helpers.run(k)
    same(call:reason().name, "VatTerminated", "its caller")
    resolve "for nobody"
    helpers.run(k)
    helpers.settle(k)
    same(k:queue(), {}, "the queue")
  end)
end)

describe("services: not offered", function()
  after_each(helpers.clean)

  it("its calls wait, with a notice, and are answered when it is offered again", function()
    local services = { clock = { now = function() return 42 end } }
    local logs
    local k = launch(services, true)
    k = helpers.reopen(k)
    helpers.run(k)
    same(helpers.call(k, "main", "later", "clock", "now"), "asked", "asked")
    k, logs = helpers.reopen(k)
    helpers.run(k)
    local notices = table.concat(helpers.level(logs, "notice"), "\n")
    helpers.says(notices, { "clock", "not offered", "wait" })
    same(logs.main, {}, "no answer")
    same(helpers.call(k, "main", "hello", "there"), "hello there", "the vat goes on")
    same(#k:queue(), 1, "the call is listed")
    k, logs = helpers.reopen(k, { services = services })
    helpers.run(k)
    same(logs.main, { "answered 42" }, "the answer")
    same(k:queue(), {}, "the queue")
    helpers.settle(k)
  end)

  it("vat_admin is always there", function()
    local k = helpers.kernel {
      db = true, bootstrap = "main", services = { "vat_admin" }, vats = { main = MAIN },
      bundles = { kid = "return function() return Far('Kid', { hi = function() return 'hi' end }) end" },
    }
    helpers.run(k)
    k = helpers.reopen(k)
    local made = helpers.call(k, "main", "ask", "vat_admin", "create_vat", "kid", { name = "kid" })
    same(helpers.call(k, made.root, "hi"), "hi", "the new vat")
  end)
end)

describe("services: a damaged database", function()
  after_each(helpers.clean)

  it("whose service is no object that was ever made is named so", function()
    local db = helpers.folder() .. "/kernel.db"
    local k = helpers.open(db)
    k:service "clock"
    helpers.close(k)
    for _, number in ipairs { -1, 999 } do
      assert(os.execute(("sqlite3 '%s' 'UPDATE service SET object = %d'"):format(db, number)))
      k = helpers.open(db)
      pcall(k.service, k, "clock")
      helpers.says(helpers.raises("a commit", k.commit, k), "is damaged: table service")
      pcall(k.close, k)
    end
  end)
end)
