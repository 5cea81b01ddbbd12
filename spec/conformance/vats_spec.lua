--- Vats' lives: made by vats and by the host, upgraded, ended, cleaned up; what each leaves behind.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- Makes vats with vat_admin, keeps them by name, and passes on what it is asked to say to them.
local BOSS = [[
  return function(vat)
    local admin
    local made = {}
    local function ask(target, method, ...)
      local e = E(target)
      return await(e[method](e, ...))
    end
    return Far("Boss", {
      bootstrap = function(self, vats, services) admin = services.vat_admin end,
      make = function(self, bundle, settings)
        made[settings.name] = ask(admin, "create_vat", bundle, settings)
        return made[settings.name].root
      end,
      create = function(self, ...) return ask(admin, "create_vat", ...) end,
      ask = function(self, name, method, ...) return ask(made[name].root, method, ...) end,
      admin = function(self, name, method, ...) return ask(made[name].admin, method, ...) end,
      give_admin = function(self, name) return ask(made[name].root, "keep", made[name].admin) end,
      service = function(self, method) return ask(admin, method) end,
      killed_upgrade = function(self, name)
        local terminated = E(made[name].admin):terminate("first")
        local upgraded = E(made[name].admin):upgrade("kid", {})
        return pcall(await, upgraded)
      end,
      upgrade_then_kill = function(self, name, twice)
        local first = E(made[name].admin):upgrade("kid", {})
        local second = E(made[name].admin):upgrade("kid", {})
        E.send_only(made[name].admin):terminate("at once")
        local ok, reason = pcall(await, second)
        return ok, reason
      end,
      forget = function(self, name) made[name] = nil end,
      note = function(self, text) print(text) end,
    })
  end
]]

local KID = [[
  return function(vat, params)
    local admin, open
    local calls = 0
    vat.baggage.started = (vat.baggage.started or 0) + 1
    return Far("Kid", {
      hello = function() return "hello from " .. vat.name, params.word, vat.incarnation end,
      count = function()
        calls = calls + 1
        vat.baggage.count = (vat.baggage.count or 0) + 1
        vat.vatstore.count = tostring(vat.baggage.count)
        return calls, vat.baggage.count, vat.vatstore.count
      end,
      started = function() return vat.baggage.started end,
      other = function() return await(E(params.other):count()) end,
      keep = function(self, x) admin = x end,
      end_myself = function(self)
        local p = E(admin):terminate "by my own hand"
        E.send_only(self):ping()
        return "asked"
      end,
      end_and_wait = function() return await(E(admin):terminate "by my own hand") end,
      upgrade_myself = function() return await(E(admin):upgrade "kid") end,
      wait = function() open = promise() return open end,
      make = function() return Far("Toy", { play = function() return "toy of " .. vat.incarnation end }) end,
      exit = function(self, other, ...)
        if other then E.send_only(other):note "sent before the end" end
        vat.exit(...)
        return "result"
      end,
      fail = function(self, other, reason)
        if other then E.send_only(other):note "must not arrive" end
        vat.exit_with_failure(reason)
      end,
      ping = function() return "pong" end,
    })
  end
]]

local KID2 = [[
  return function(vat, params)
    vat.baggage.started = (vat.baggage.started or 0) + 1
    return Far("Kid", {
      hello = function() return "second hello from " .. vat.name, params.word, vat.incarnation end,
      count = function()
        vat.baggage.count = (vat.baggage.count or 0) + 100
        return vat.baggage.count, vat.vatstore.count
      end,
      started = function() return vat.baggage.started end,
      other = function() return await(E(params.other):count()) end,
    })
  end
]]

local BROKEN = [[
  return function(vat, params)
    vat.baggage.started = "never"
    vat.vatstore.count = "never"
    print "starting"
    error "this one does not start"
  end
]]

local function bosses(more)
  local spec = {
    bootstrap = "boss", services = { "vat_admin" },
    vats = { boss = BOSS },
    bundles = { kid = KID, kid2 = KID2, broken = BROKEN },
  }
  for key, value in pairs(more or {}) do
    spec[key] = value
  end
  local k, logs, cluster = helpers.kernel(spec)
  helpers.run(k)
  return k, logs, cluster
end

--- A source in a file, for what takes a path.
local function source(text)
  local path = helpers.folder() .. "/source.lua"
  helpers.write(path, text)
  return path
end

--- The state without the numbers that were used up.
local function lasting(k)
  return (k:dump():gsub("^counters\n.-\nvats\n", "vats\n"))
end

local function is_terminated(handle, what)
  local status = handle:status()
  same({ status, status == "rejected" and handle:reason().name }, { "rejected", "VatTerminated" },
    what)
end

describe("vats: made by vats and by the host", function()
  after_each(helpers.clean)

  it("a vat makes one with vat_admin and talks to it", function()
    local k, _, cluster = bosses()
    local root = helpers.call(k, "boss", "make", "kid", { name = "ann", parameters = { word = "w" } })
    same({ helpers.call(k, "boss", "ask", "ann", "hello") }, { "hello from ann", "w", 0 }, "by boss")
    same(helpers.call(k, root, "hello"), "hello from ann", "by the root")
    same(helpers.call(k, "ann", "hello"), "hello from ann", "by its name")
    local row = helpers.vat(k, "ann")
    same({ row.cluster, row.state, row.incarnation }, { cluster.id, "running", 0 }, "its row")
    helpers.settle(k)
  end)

  it("the host makes one from a source or a bundle", function()
    local k = helpers.kernel { launch = false }
    local id, root = k:create_vat { name = "ann", source = source(KID), parameters = { word = "a" } }
    helpers.audit(k)
    assert(id:find "^v%d+$", id)
    k:install_bundle("kid", source(KID))
    local _, bob = k:create_vat { name = "bob", bundle = "kid", parameters = { other = root } }
    helpers.audit(k)
    same({ helpers.call(k, "ann", "hello") }, { "hello from ann", "a", 0 }, "by name")
    same({ helpers.call(k, bob, "other") }, { 1, 1, "1" }, "a parameter that is a reference")
    same(helpers.vat(k, "ann").cluster, nil, "its cluster")
    helpers.settle(k)
  end)

  it("they have their state after a restart, with no source on disk", function()
    local config, folder = helpers.config {
      bootstrap = "boss", services = { "vat_admin" }, vats = { boss = BOSS }, bundles = { kid = KID },
    }
    local db = helpers.folder() .. "/kernel.db"
    local k = helpers.open(db)
    k:launch(config, folder)
    helpers.run(k)
    local host_made = source(KID)
    k:create_vat { name = "host_made", source = host_made }
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "ann", "count")
    helpers.call(k, "host_made", "count")
    os.execute("rm -r " .. folder)
    os.remove(host_made)
    for round = 2, 3 do
      k = helpers.reopen(k)
      helpers.audit(k, "reopened")
      for _, name in ipairs { "ann", "host_made" } do
        same({ helpers.call(k, name, "count") }, { round, round, tostring(round) }, name)
      end
    end
    same({ helpers.call(k, "boss", "ask", "ann", "count") }, { 4, 4, "4" }, "boss has it still")
    helpers.call(k, "boss", "make", "kid", { name = "late" })
    same({ helpers.call(k, "late", "count") }, { 1, 1, "1" }, "made from the database alone")
    helpers.settle(k)
  end)

  it("what is refused says what would be right", function()
    local k = bosses()
    local function refused(words, ...)
      local before = lasting(k)
      helpers.says(helpers.show(helpers.reason(k, "boss", "create", ...)), words)
      helpers.settle(k)
      k:collect_garbage()
      same(#k:vats(), 1, "vats after it")
      same(before:match "objects\n.*", lasting(k):match "objects\n.*", "objects and promises after it")
    end
    refused({ "no such bundle", "nokid" }, "nokid", { name = "x" })
    refused({ "create_vat", "name" }, "kid", { name = "k o" })
    refused({ "create_vat", "name" }, "kid", { name = "v17" })
    refused({ "create_vat", "name", "number" }, "kid", { name = 5 })
    refused({ "create_vat", "parameters" }, "kid", { name = "x", parameters = 5 })
    refused({ "create_vat", "paramters", "parameters" }, "kid", { name = "x", paramters = {} })
    refused({ "memory_limt", "memory_limit" }, "kid", { name = "x", options = { memory_limt = 1 } })
    refused("bundle's name", { name = "x" })
    refused("bundle's name")
    refused({ "this one does not start" }, "broken", { name = "x" })
    local reason = helpers.reason(k, "boss", "service", "destroy_vat")
    same(reason.name, "NoSuchMethod", "an unknown method")
    helpers.says(reason.message, { "vat_admin", "destroy_vat", "create_vat" })
  end)

  it("a promise is no parameter", function()
    local k = bosses {
      vats = {
        boss = [[
          return function()
            local admin
            return Far("Boss", {
              bootstrap = function(self, vats, services) admin = services.vat_admin end,
              go = function(self, p)
                local open = promise()
                return await(E(admin):create_vat("kid", { name = "x", parameters = { p = open } }))
              end,
            })
          end
        ]],
      },
    }
    helpers.says(helpers.reason(k, "boss", "go").message, { "promise", "parameter", "await" })
    same(#k:vats(), 1, "vats after it")
    local handle = k:send("boss", "go")
    helpers.says(helpers.raises("by the host, in a config", k.launch, k,
      { vats = { x = { source = "moonvat:mint", parameters = { p = handle } } } }, "."),
      "promise")
    helpers.says(helpers.raises("by the host", k.create_vat, k,
      { name = "x", bundle = "kid", parameters = { p = handle } }), { "promise", "parameter" })
    helpers.run(k)
    same(#k:vats(), 1, "vats at the end")
  end)

  it("names: taken for the host, a vat's own business in a cluster", function()
    local k = bosses()
    k:create_vat { name = "ann", bundle = "kid" }
    helpers.says(helpers.raises("a taken name", k.create_vat, k, { name = "ann", bundle = "kid" }),
      "ann")
    helpers.raises("an odd name", k.create_vat, k, { name = "a b", bundle = "kid" })
    helpers.raises("no name", k.create_vat, k, { bundle = "kid" })
    helpers.raises("source and bundle", k.create_vat, k,
      { name = "x", bundle = "kid", source = "x.lua" })
    helpers.audit(k)
    same(#k:vats(), 2, "vats after it")
    k:terminate_vat "ann"
    k:create_vat { name = "ann", bundle = "kid" }
    helpers.run(k)
    same(helpers.call(k, "ann", "hello"), "hello from ann", "the name is free at once")
  end)
end)

describe("vats: how they end", function()
  after_each(helpers.clean)

  it("done() gives what vat.exit was given, and the crank counts", function()
    local k, logs = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local early = helpers.send(k, "boss", "admin", "ann", "done")
    helpers.run(k)
    same(early:status(), "unresolved", "it waits")
    same(helpers.call(k, "boss", "ask", "ann", "exit", k:root "boss", { 7, "seven" }), "result",
      "the message that ended it")
    same(early:values(), { 7, "seven" }, "asked before")
    same(helpers.call(k, "boss", "admin", "ann", "done"), { 7, "seven" }, "asked after")
    same(logs.boss, { "sent before the end" }, "what it sent in the crank")
    helpers.settle(k)
  end)

  it("done() tells a failure, and the crank does not count", function()
    local k, logs = bosses()
    for name, reason in pairs { ann = { name = "Oops", message = "giving up" }, bob = "just words" } do
      helpers.call(k, "boss", "make", "kid", { name = name })
      local early = helpers.send(k, "boss", "admin", name, "done")
      helpers.run(k)
      same(helpers.reason(k, "boss", "ask", name, "fail", k:root "boss", reason).name, "VatTerminated",
        "the message that ended it")
      local late = helpers.reason(k, "boss", "admin", name, "done")
      same(late, early:reason(), "early and late")
      helpers.says(late.message or late, reason.message or reason)
    end
    same(logs.boss, {}, "what it sent in the crank")
    helpers.settle(k)
  end)

  it("done() is known after a restart and a clean-up", function()
    local k = bosses { db = true }
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "make", "kid", { name = "bob" })
    k:send("boss", "admin", "bob", "done"):release()
    helpers.call(k, "boss", "ask", "ann", "exit", nil, "the value")
    k = helpers.reopen(k)
    same(helpers.call(k, "boss", "admin", "ann", "done"), "the value", "after a restart")
    helpers.reason(k, "boss", "ask", "bob", "fail", nil, "bad luck")
    k = helpers.reopen(k)
    helpers.says(helpers.show(helpers.reason(k, "boss", "admin", "bob", "done")), "bad luck")
    helpers.settle(k)
    helpers.call(k, "boss", "forget", "ann")
    helpers.call(k, "boss", "forget", "bob")
    helpers.settle(k)
    k:collect_garbage()
    helpers.run(k)
    same(helpers.column(k:vats(), "name"), { "boss" }, "its record goes with its admin object")
  end)

  it("a value that holds references keeps them alive", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "make", "kid", { name = "bob" })
    local toy = helpers.call(k, "bob", "make")
    helpers.call(k, "boss", "ask", "ann", "exit", nil, { toy = toy })
    same(tostring(helpers.call(k, "boss", "admin", "ann", "done").toy), tostring(toy), "the toy")
    helpers.settle(k)
    helpers.call(k, "boss", "forget", "ann")
    helpers.settle(k)
    k:collect_garbage()
    helpers.audit(k)
    same(helpers.call(k, toy, "play"), "toy of 0", "the toy, held by the host")
  end)

  it("terminate: once; again, or an upgrade of the dead, is refused with the reason", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local id = helpers.vat(k, "ann").id
    helpers.call(k, "boss", "admin", "ann", "terminate", "enough")
    for _, method in ipairs { "terminate", "upgrade" } do
      local reason = helpers.reason(k, "boss", "admin", "ann", method, "kid2")
      helpers.says(reason.message, "terminated")
    end
    same(helpers.reason(k, "boss", "admin", "ann", "done").name, "VatTerminated", "done")
    for _, method in ipairs { "terminate_vat", "suspend_vat", "resume_vat", "upgrade_vat" } do
      helpers.raises(method .. " by the host", k[method], k, id)
    end
    helpers.settle(k)
  end)

  it("terminate with messages queued, parked, in flight, sent later: all are rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    local parked = helpers.send(k, open, "anything")
    helpers.run(k)
    local in_flight = helpers.send(k, "boss", "ask", "ann", "wait")
    helpers.run(k)
    local queued = helpers.send(k, "ann", "ping")
    local pipelined = helpers.send(k, queued, "anything")
    k:terminate_vat("ann", "enough")
    helpers.audit(k)
    local later = helpers.send(k, toy, "play")
    helpers.run(k)
    for name, handle in pairs { open = open, parked = parked, in_flight = in_flight,
      queued = queued, pipelined = pipelined, later = later } do
      is_terminated(handle, name)
    end
    helpers.settle(k)
  end)

  it("terminate a suspended vat: what was parked with it is rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    k:suspend_vat "ann"
    local parked = helpers.send(k, "boss", "ask", "ann", "ping")
    helpers.run(k)
    same(parked:status(), "unresolved", "parked")
    helpers.call(k, "boss", "admin", "ann", "terminate")
    is_terminated(parked, "afterwards")
    helpers.settle(k)
  end)

  it("killed between the upgrade and its turn: the upgrade is rejected", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local ok, reason = helpers.call(k, "boss", "killed_upgrade", "ann")
    same(ok, false, "after a terminate")
    helpers.says(reason.message, "terminated")
    k:create_vat { name = "bob", bundle = "kid" }
    local upgrade = k:upgrade_vat("bob", { bundle = "kid2" })
    k:terminate_vat "bob"
    helpers.run(k)
    is_terminated(upgrade, "by the host")
    upgrade:release()
    helpers.call(k, "boss", "make", "kid", { name = "cat" })
    helpers.call(k, "boss", "upgrade_then_kill", "cat")
    helpers.settle(k)
  end)

  it("messages that are queued while a vat exits are rejected, what it settled is not", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    local open = helpers.send(k, "ann", "wait")
    local exit = helpers.send(k, "ann", "exit")
    local queued = {}
    for i = 1, 5 do
      queued[i] = helpers.send(k, "ann", "ping")
    end
    helpers.run(k)
    same(exit:values(), "result", "the message that ended it")
    is_terminated(open, "a promise that it had not settled")
    for i = 1, 5 do
      is_terminated(queued[i], "queued " .. i)
    end
    same({ helpers.call(k, "boss", "admin", "ann", "done") }, {}, "an exit with nothing")
    helpers.settle(k)
  end)

  it("a vat ends itself through vat_admin in its own delivery", function()
    local k = bosses()
    for name, method in pairs { ann = "end_myself", bob = "end_and_wait" } do
      helpers.call(k, "boss", "make", "kid", { name = name })
      helpers.call(k, "boss", "give_admin", name)
      local done = helpers.send(k, "boss", "admin", name, "done")
      local handle = helpers.send(k, "boss", "ask", name, method)
      helpers.run(k)
      if method == "end_myself" then
        same(handle:values(), "asked", "the delivery counts")
      else
        is_terminated(handle, "what waits for its own end")
      end
      is_terminated(done, "done")
      helpers.says(done:reason().message, "by my own hand", "why")
      same(helpers.vat(k, name), nil, "it is gone")
    end
    helpers.settle(k)
  end)

  it("a vat upgrades itself: the caller hears that it was upgraded", function()
    local k = bosses()
    helpers.call(k, "boss", "make", "kid", { name = "ann" })
    helpers.call(k, "boss", "give_admin", "ann")
    local reason = helpers.reason(k, "boss", "ask", "ann", "upgrade_myself")
    same({ reason.name, reason.incarnation }, { "VatUpgraded", 0 }, "its own message")
    same(select(3, helpers.call(k, "ann", "hello")), 1, "its incarnation")
    helpers.settle(k)
  end)
end)

describe("vats: cleaning up", function()
  after_each(helpers.clean)

  local ROWS <const> = 20000

  local function full(settings)
    local k, logs = helpers.kernel {
      db = settings.db,
      open = { commit_every = 50 },
      vats = {
        full = {
          source = [[
            return function(vat)
              return Far("Full", {
                fill = function(self, from, to)
                  for i = from, to do vat.vatstore["key" .. i] = "value" end
                end,
              })
            end
          ]],
          options = { time_limit = 10 },
        },
        other = KID,
      },
    }
    for from = 1, ROWS, 10000 do
      k:call("full", "fill", from, from + 9999)
    end
    same(#k:vatstore "full", ROWS, "rows before")
    return k, logs
  end

  it("20,000 rows go in parts, with others' messages between, over restarts", function()
    local k = full { db = true }
    k:call("full", "fill", 1, 1)
    local id = helpers.vat(k, "full").id
    k:terminate_vat("full", "too large")
    helpers.audit(k)
    local handles, parts, answered_between = {}, 0, 0
    for i = 1, 30 do
      handles[i] = helpers.send(k, "other", "ping")
    end
    local left, steps = ROWS, 0
    repeat
      local went = k:step()
      steps = steps + 1
      if steps == 20 then
        handles = {}
        k = helpers.reopen(k, { commit_every = 50 })
        helpers.audit(k, "reopened in the middle")
      end
      local now = helpers.row(k:vats(), "id", id) and #k:vatstore(id) or 0
      assert(left - now <= 1000, left - now .. " rows went in one crank")
      parts = parts + (now < left and 1 or 0)
      left = now
      for _, handle in ipairs(handles) do
        if left > 0 and handle:status() == "fulfilled" then
          answered_between = answered_between + 1
          handle:release()
          handles = {}
          break
        end
      end
    until not went
    assert(parts >= ROWS / 1000, parts .. " parts")
    same(answered_between, 1, "others' messages were answered between the parts")
    helpers.audit(k, "at the end")
    same(left, 0, "rows after")
    same(helpers.vat(k, "full"), nil, "its record")
    same(k:call("other", "ping"), "pong", "the other vat")
    local db = helpers.db(k)
    helpers.close(k)
    for _, count in ipairs { "vatstore", "transcript WHERE vat = 1", "clist WHERE vat = 1" } do
      same(helpers.command(("sqlite3 %s 'SELECT count(*) FROM %s'"):format(db, count)), "0\n", count)
    end
  end)

  it("bundles go when nothing needs them", function()
    local k = helpers.kernel { launch = false }
    local function names()
      k:commit()
      return helpers.column(k:bundles(), "name")
    end
    k:create_vat { name = "ann", source = source(KID) }
    k:create_vat { name = "bob", source = source(KID) }
    same(#names(), 1, "the same source twice is one bundle")
    local upgrade = k:upgrade_vat("ann", { source = source(KID2) })
    same(#names(), 2, "while the upgrade waits")
    helpers.run(k)
    upgrade:release()
    same(#names(), 2, "one for each vat")
    k:terminate_vat "bob"
    helpers.run(k)
    same(#names(), 1, "bob's has gone")
    local failed = k:upgrade_vat("ann", { source = source(BROKEN) })
    helpers.run(k)
    same(failed:status(), "rejected", "a failed upgrade")
    failed:release()
    same(#names(), 1, "its bundle has gone")
    helpers.raises("a vat that does not start", k.create_vat, k,
      { name = "x", source = source(BROKEN) })
    same(#names(), 1, "nor does a vat that does not start leave one")
    k:install_bundle("kid", source(KID))
    k:install_bundle("kid", source(BROKEN))
    same(#names(), 2, "a named one stays, and its name may go to another")
    k:terminate_vat "ann"
    helpers.run(k)
    same(#names(), 1, "the named one is left")
  end)
end)

describe("vats: parameters are retained, and nothing more", function()
  after_each(helpers.clean)

  -- What holds the toy that is passed as a parameter, and everything else.
  local function setup()
    local k = helpers.kernel { vats = { toys = KID }, bundles = { kid = KID, kid2 = KID2,
      broken = BROKEN } }
    local toy = helpers.call(k, "toys", "make")
    helpers.settle(k)
    return k, toy
  end

  local function rest(k)
    collectgarbage() -- what the host's Lua still holds
    helpers.run(k)
    helpers.settle(k)
    k:collect_garbage()
    helpers.audit(k)
  end

  local function objects(k)
    return helpers.show(k:objects()) .. helpers.show(k:promises())
  end

  it("create and terminate", function()
    local k, toy = setup()
    rest(k)
    local before, before_objects = lasting(k), objects(k)
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = toy, word = { toy, toy } } }
    helpers.audit(k)
    assert(objects(k) ~= before_objects, "a vat with parameters counts")
    k:terminate_vat "ann"
    rest(k)
    same(objects(k), before_objects, "counts")
    -- but for toys' own collections, the state is the one before
    same(lasting(k):gsub("\nvats\n.-\nclists\n", ""), before:gsub("\nvats\n.-\nclists\n", ""), "dump")
  end)

  it("a failed create", function()
    local k, toy = setup()
    local before = lasting(k)
    for _ = 1, 3 do
      helpers.says(helpers.raises("a vat that does not start", k.create_vat, k,
        { name = "ann", bundle = "broken", parameters = { other = toy } }),
        "this one does not start")
      helpers.audit(k)
      same(lasting(k), before, "dump")
    end
  end)

  it("a failed upgrade, three times, with and without parameters", function()
    local k, toy = setup()
    local other = helpers.call(k, "toys", "make")
    helpers.settle(k)
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = k:root "toys", word = toy } }
    helpers.call(k, "ann", "count")
    rest(k)
    local before, heap = lasting(k), k:heap_hash "ann"
    for round = 1, 3 do
      for _, parameters in ipairs { false, { word = other } } do
        local upgrade = helpers.hold(k, k:upgrade_vat("ann",
          { bundle = "broken", parameters = parameters or nil }))
        helpers.run(k)
        same(upgrade:status(), "rejected", "upgrade " .. round)
        helpers.says(upgrade:reason().message, { "failed", "this one does not start" })
        helpers.settle(k)
        same(lasting(k), before, "dump")
        same(k:heap_hash "ann", heap, "its heap")
      end
    end
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "it goes on")
    same(helpers.call(k, "ann", "started"), 1, "its baggage")
  end)

  it("an upgrade without parameters keeps them, with parameters replaces them", function()
    local k, toy = setup()
    local other = helpers.call(k, "toys", "make")
    k:pin(other)
    k:pin(toy)
    helpers.settle(k)
    local function holders(ref)
      local count = 0
      for _, holder in ipairs(k:holders(tostring(ref))) do
        count = count + (holder.kind == "parameters" and 1 or 0)
      end
      return count
    end
    k:create_vat { name = "ann", bundle = "kid", parameters = { other = k:root "toys", word = toy } }
    same({ holders(toy), holders(other) }, { 1, 0 }, "at first")
    for round = 1, 3 do
      local upgrade = helpers.hold(k, k:upgrade_vat("ann", { bundle = "kid2" }))
      helpers.run(k)
      same(upgrade:values(), { incarnation = round }, "upgrade")
      same({ holders(toy), holders(other) }, { 1, 0 }, "kept")
      same(tostring(select(2, helpers.call(k, "ann", "hello"))), tostring(toy), "they arrive again")
    end
    local upgrade = helpers.hold(k, k:upgrade_vat("ann", { parameters = { word = other } }))
    helpers.run(k)
    same(upgrade:values(), { incarnation = 4 }, "with parameters")
    same({ holders(toy), holders(other) }, { 0, 1 }, "replaced")
    same(tostring(select(2, helpers.call(k, "ann", "hello"))), tostring(other), "the new ones arrive")
    k:terminate_vat "ann"
    rest(k)
    same({ holders(toy), holders(other) }, { 0, 0 }, "after its end")
  end)

  it("through vat_admin: create, failed create, upgrades, failed upgrades, terminate", function()
    local k = bosses()
    local toy = k:create_vat { name = "toys", bundle = "kid" } and helpers.call(k, "toys", "make")
    rest(k)
    local before = objects(k)
    for _ = 1, 3 do
      helpers.reason(k, "boss", "create", "broken", { name = "x", parameters = { other = toy } })
      rest(k)
      same(objects(k), before, "counts after a failed create")
    end
    helpers.call(k, "boss", "make", "kid", { name = "ann", parameters = { other = toy } })
    rest(k)
    local made = objects(k)
    for round = 1, 3 do
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "broken", { parameters = { word = toy } })
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "broken")
      helpers.reason(k, "boss", "admin", "ann", "upgrade", "no_such_bundle")
      rest(k)
      same(objects(k), made, "counts after failed upgrades")
      same(helpers.call(k, "boss", "admin", "ann", "upgrade", "kid2"), { incarnation = 2 * round - 1 },
        "without parameters")
      same(helpers.call(k, "boss", "admin", "ann", "upgrade", "kid", { parameters = { other = toy } }),
        { incarnation = 2 * round }, "with parameters")
      rest(k)
      same(objects(k), made, "counts after upgrades")
    end
    helpers.call(k, "boss", "admin", "ann", "terminate")
    helpers.call(k, "boss", "forget", "ann")
    rest(k)
    same(objects(k), before, "counts after its end")
    same(helpers.column(k:vats(), "name"), { "boss", "toys" }, "vats")
  end)
end)

describe("vats: upgrades", function()
  after_each(helpers.clean)

  local function family(more)
    local spec = {
      db = true,
      vats = { ann = { source = KID, parameters = { word = "given" } }, bob = KID },
      bundles = { kid2 = KID2, broken = BROKEN },
    }
    for key, value in pairs(more or {}) do
      spec[key] = value
    end
    return helpers.kernel(spec)
  end

  local function upgrade(k, vat, settings)
    local handle = helpers.hold(k, k:upgrade_vat(vat, settings))
    helpers.run(k)
    return handle
  end

  it("baggage, vatstore, parameters and the root live on", function()
    local k = family()
    local root = k:root "ann"
    helpers.call(k, "ann", "count")
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "before")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "the upgrade")
    same(tostring(k:root "ann"), tostring(root), "its root's kref")
    same({ helpers.call(k, root, "count") }, { 102, "2" }, "after, by the old reference")
    same({ helpers.call(k, root, "hello") }, { "second hello from ann", "given", 1 }, "parameters")
    same(helpers.vat(k, "ann").incarnation, 1, "its row")
    for round = 2, 3 do
      k = helpers.reopen(k)
      same({ helpers.call(k, "ann", "count") }, { 2 + 100 * round, "2" }, "after a restart")
    end
    same(helpers.call(k, "ann", "started"), 2, "a restart is no start")
    helpers.settle(k)
  end)

  it("what it decided is rejected VatUpgraded, what it exported is abandoned", function()
    local k = family()
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    local parked = helpers.send(k, open, "anything")
    helpers.run(k)
    local queued_for_toy = helpers.send(k, "ann", "make")
    upgrade(k, "ann", { bundle = "kid2" })
    for name, handle in pairs { open = open, parked = parked } do
      local reason = handle:reason()
      same({ reason.name, reason.message, reason.incarnation }, { "VatUpgraded", "vat upgraded", 0 },
        name)
    end
    same(queued_for_toy:status(), "fulfilled", "a message that was queued before it")
    local reason = helpers.reason(k, toy, "play")
    same({ reason.name, reason.message }, { "ObjectAbandoned", "object abandoned" }, "an old export")
    helpers.reason(k, queued_for_toy, "play")
    open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    upgrade(k, "bob", {})
    upgrade(k, "bob", {})
    same(open:reason().incarnation, 0, "the incarnation that had made it")
    open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    upgrade(k, "bob", {})
    same(open:reason().incarnation, 2, "a later incarnation")
    helpers.settle(k)
  end)

  it("messages that are queued behind it come to the new code", function()
    local k = family()
    local before = helpers.send(k, "ann", "count")
    local upgraded = helpers.hold(k, k:upgrade_vat("ann", { bundle = "kid2" }))
    local after = helpers.send(k, "ann", "count")
    helpers.run(k)
    same({ before:values() }, { 1, 1, "1" }, "before")
    same(upgraded:values().incarnation, 1, "between")
    same({ after:values() }, { 101, "1" }, "after")
    helpers.settle(k)
  end)

  it("a failed one leaves the old incarnation with its heap, its promises and exports", function()
    local k, logs = family()
    helpers.call(k, "ann", "count")
    local toy = helpers.call(k, "ann", "make")
    local open = helpers.send(k, "ann", "wait")
    k:collect_garbage() -- as an upgrade does at first
    local heap = k:heap_hash "ann"
    for _, settings in ipairs { { bundle = "broken" }, { source = source "return 5" },
      { source = source "return function() return 5 end" },
      { source = source "return function() while true do end end" },
      { source = source "return function(vat) vat.exit() return Far('X', {}) end" } } do
      local failed = upgrade(k, "ann", settings)
      same({ failed:status(), failed:reason().name }, { "rejected", "UpgradeFailed" }, "the upgrade")
      same(k:heap_hash "ann", heap, "its heap")
    end
    same(open:status(), "unresolved", "its promise")
    same(helpers.call(k, toy, "play"), "toy of 0", "its export")
    same({ helpers.call(k, "ann", "count") }, { 2, 2, "2" }, "its heap goes on")
    same(helpers.call(k, "ann", "started"), 1, "its baggage")
    local row = helpers.vat(k, "ann")
    same({ row.state, row.incarnation }, { "running", 0 }, "its row")
    helpers.says(helpers.show(logs.all), "this one does not start", "the log says why")
    k = helpers.reopen(k)
    same({ helpers.call(k, "ann", "count") }, { 3, 3, "3" }, "after a restart")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "a good one")
    helpers.settle(k)
  end)

  it("a suspended vat goes on with new code, and gets what was parked", function()
    local k = family()
    k:suspend_vat "ann"
    local parked = helpers.send(k, "ann", "count")
    helpers.run(k)
    same(upgrade(k, "ann", { bundle = "broken" }):status(), "rejected", "a failed one")
    same({ helpers.vat(k, "ann").state, parked:status() }, { "suspended", "unresolved" }, "after it")
    same(upgrade(k, "ann", { bundle = "kid2" }):values(), { incarnation = 1 }, "the upgrade")
    same(helpers.vat(k, "ann").state, "running", "its state")
    same(parked:values(), 100, "the message")
    helpers.settle(k)
  end)

  it("a vat that cannot start again is healed by new code", function()
    local bad = [[
      return function(vat)
        if vat.vatstore.broken then error "cannot start any more" end
        return Far("Bad", { ruin = function() vat.vatstore.broken = "yes" end })
      end
    ]]
    local k = helpers.kernel { db = true, vats = { bad = { source = bad,
      options = { transcript = false } } } }
    helpers.call(k, "bad", "ruin")
    k = helpers.reopen(k)
    local parked = helpers.send(k, "bad", "ruin")
    helpers.run(k)
    same(helpers.vat(k, "bad").state, "failed", "its state")
    upgrade(k, "bad", { source = source(bad:gsub("vat.vatstore.broken then", "false then")) })
    same({ helpers.vat(k, "bad").state, helpers.vat(k, "bad").fault }, { "running", nil }, "healed")
    same(parked:status(), "fulfilled", "the message")
    helpers.settle(k)
  end)

  it("a later incarnation replays from the baggage that it began with", function()
    local remember = [[
      return function(vat)
        local seen = vat.baggage.list or "-"
        local stored = vat.vatstore.list or "-"
        local calls = 0
        return Far("Rememberer", {
          add = function(self, x)
            calls = calls + 1
            vat.baggage.list = (vat.baggage.list or "") .. x
            vat.vatstore.list = vat.baggage.list
            return vat.baggage.list
          end,
          began = function() return seen, stored, calls end,
        })
      end
    ]]
    local k = helpers.kernel {
      db = true,
      vats = { main = { source = remember, options = { snapshot_interval = 0 } } },
    }
    helpers.call(k, "main", "add", "a")
    helpers.call(k, "main", "add", "b")
    upgrade(k, "main")
    same({ helpers.call(k, "main", "began") }, { "ab", "ab", 0 }, "the second")
    helpers.call(k, "main", "add", "c")
    for round = 1, 3 do
      k = helpers.reopen(k)
      same({ helpers.call(k, "main", "began") }, { "ab", "ab", round }, "replayed")
      helpers.call(k, "main", "add", "d")
    end
    upgrade(k, "main")
    k = helpers.reopen(k)
    same({ helpers.call(k, "main", "began") }, { "abcddd", "abcddd", 0 }, "the third, replayed")
    same(helpers.vat(k, "main").incarnation, 2, "its incarnation")
    helpers.settle(k)
  end)

  it("what is refused says what would be right", function()
    local k = family()
    for words, settings in pairs {
      ["no such bundle"] = { bundle = "nothing" },
      ["source or bundle"] = { bundle = "kid2", source = "x.lua" },
      ["parameters"] = { parameters = 5 },
    } do
      helpers.says(helpers.raises(words, k.upgrade_vat, k, "ann", settings), words)
    end
    helpers.says(helpers.raises("an unknown vat", k.upgrade_vat, k, "nobody", {}), "nobody")
    helpers.raises("a syntax error", k.upgrade_vat, k, "ann", { source = source "return {" })
    helpers.raises("a missing source", k.upgrade_vat, k, "ann", { source = "/no/such/file.lua" })
    local open = helpers.send(k, "bob", "wait")
    helpers.run(k)
    local failed = select(2, pcall(k.upgrade_vat, k, "ann", { parameters = { p = open } }))
    helpers.says(failed, { "promise", "parameter" })
    helpers.run(k)
    same(helpers.vat(k, "ann").incarnation, 0, "nothing has happened")
  end)

  it("upgrade_all, dry and real: a report, and the one that fails unchanged", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        ann = { source = KID, parameters = { word = "kept" } },
        bob = [[
          return function(vat)
            if vat.baggage.used then error "I start only once" end
            local calls = 0
            return Far("Once", {
              use = function() calls = calls + 1; vat.baggage.used = true; return calls end,
            })
          end
        ]],
        cat = KID,
        gone = KID,
      },
    }
    helpers.call(k, "ann", "count")
    helpers.call(k, "bob", "use")
    helpers.call(k, "cat", "count")
    k:terminate_vat "gone"
    helpers.run(k)
    helpers.settle(k)
    local before = k:dump()
    local hashes = {}
    for _, name in ipairs { "ann", "bob", "cat" } do
      hashes[name] = k:heap_hash(name)
    end
    local function check(list, what)
      same(helpers.column(list, "vat"), helpers.column(k:vats(), "id"), what .. ": vats")
      for i, row in ipairs(list) do
        local fails = k:vats()[i].name == "bob"
        same({ row.ok, row.incarnation }, { not fails, fails and 0 or 1 }, what .. ": row " .. i)
        if fails then
          helpers.says(row.reason, "I start only once")
        else
          same(row.reason, nil, what .. ": reason")
        end
      end
    end
    for round = 1, 3 do
      check(k:upgrade_all { dry_run = true }, "dry " .. round)
      helpers.audit(k, "after a dry run")
      same(k:dump(), before, "a dry run changes nothing")
      for name, hash in pairs(hashes) do
        same(k:heap_hash(name), hash, "the heap of " .. name)
      end
    end
    check(k:upgrade_all {}, "real")
    helpers.audit(k, "after the real one")
    same({ helpers.call(k, "ann", "hello") }, { "hello from ann", "kept", 1 }, "ann")
    same({ helpers.call(k, "ann", "count") }, { 1, 2, "2" }, "ann's heap is new, her baggage not")
    same(helpers.call(k, "bob", "use"), 2, "bob's heap goes on")
    same({ helpers.vat(k, "bob").incarnation, helpers.vat(k, "bob").state }, { 0, "running" }, "bob")
    k = helpers.reopen(k)
    same({ helpers.call(k, "cat", "count") }, { 1, 2, "2" }, "cat, after a restart")
    same(helpers.call(k, "bob", "use"), 3, "bob, after a restart")
  end)

  it("upgrade_all right after opening starts a vat without a transcript once, not twice", function()
    local k = helpers.kernel {
      db = true, vats = { ann = { source = KID, options = { transcript = false } } },
    }
    k = helpers.reopen(k)
    same(k:upgrade_all {}[1].incarnation, 1, "the row of ann")
    helpers.run(k)
    same(helpers.vat(k, "ann").incarnation, 1, "ann at rest")
  end)
end)

describe("vats: failed launches", function()
  after_each(helpers.clean)

  it("leave no vat and no row", function()
    local k = bosses()
    local before = lasting(k)
    for words, text in pairs {
      ["second"] = "return function( end",
      ["this one does not start"] = BROKEN,
      ["Far"] = "return function() return 5 end",
    } do
      local config, folder = helpers.config {
        bootstrap = "first", services = { "vat_admin" },
        vats = { first = KID, second = text, third = KID }, bundles = { other = KID2 },
      }
      helpers.says(helpers.raises(words, k.launch, k, config, folder), words)
      helpers.audit(k)
      helpers.run(k)
      same(lasting(k), before, "dump")
    end
  end)

  it("a bootstrap that raises rejects its handle", function()
    local k, _, cluster = helpers.kernel {
      bootstrap = "main",
      vats = { main = "return function() return Far('Main', { bootstrap = function() error 'no' end }) end" },
    }
    helpers.run(k)
    same({ cluster.bootstrap:status(), cluster.bootstrap:reason().message }, { "rejected", "no" },
      "the handle")
    same(helpers.vat(k, "main").state, "running", "the vat goes on")
  end)
end)
