--- Opening a kernel, and the methods that read files.

local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

-- Calls a method; it raises this message, and blames this file.
local function misuse(message, k, method, ...)
  local ok, reason = pcall(function(...)
    local result = k[method](k, ...)
    return result
  end, ...)
  assert.is_false(ok)
  assert.equal(message, (reason:gsub("^.-init_spec%.lua:%d+: ", "", 1)))
  assert.matches("^[^\n]-init_spec%.lua:%d+: ", reason)
end

describe("moonvat.core", function()
  it("is described in core.d.lua, all of it", function()
    local core = require "moonvat.core"
    local text = helpers.read "lua/moonvat/core.d.lua"
    for name, value in pairs(core) do
      local described = type(value) == "function" and "\nfunction core." .. name .. "("
        or "\ncore." .. name .. " = "
      assert.truthy(text:find(described, 1, true), "core." .. name)
    end
    for name in pairs(core.methods) do
      assert.truthy(text:find("\nfunction Kernel:" .. name .. "(", 1, true), "k:" .. name)
    end
  end)
end)

describe("moonvat.open", function()
  after_each(helpers.clean)

  it("checks what it is given", function()
    for message, options in pairs {
      ['open takes a table, as in moonvat.open { db = "bank.db" }'] = "bank.db",
      ['open: db is missing: the path of the database, or ":memory:"'] = {},
      ["open: unknown option commit_evry (did you mean commit_every?)"] = { db = "x", commit_evry = 1 },
      ["open: log must be a function, not a boolean"] = { db = "x", log = true },
      ["open: db must be a string, not a number"] = { db = 5 },
    } do
      helpers.says(helpers.raises(message, moonvat.open, options), message)
    end
  end)

  it("gives a kernel that launches a table or a file", function()
    local folder = helpers.folder()
    helpers.write(folder .. "/a.lua", "return function() return Far('A', { hi = function() return 1 end }) end")
    helpers.write(folder .. "/c.lua", "return { vats = { b = { source = 'a.lua' } } }")
    local k <close> = moonvat.open { db = ":memory:" }
    assert.same({ a = "v1" }, k:launch({ vats = { a = { source = "a.lua" } } }, folder).vats)
    assert.same({ b = "v2" }, k:launch(folder .. "/c.lua").vats)
    assert.equal(1, k:call("a", "hi"))
    helpers.says(helpers.raises("launch", k.launch, k, { vat = {} }), "did you mean vats?")
    assert.equal(2, #k:vats())
  end)

  it("refuses settings that it does not know, and does nothing then", function()
    local k <close> = moonvat.open { db = ":memory:" }
    k:launch({ vats = { a = { source = "moonvat:topic" } } })
    for _, case in ipairs {
      { "run: unknown setting crank; write for example { cranks = 10, ms = 100 }",
        "run", { crank = 1 } },
      { "run takes a table such as { cranks = 10, ms = 100 }, got number", "run", 5 },
      { "upgrade_all: unknown setting dryrun; write for example { dry_run = true }",
        "upgrade_all", { dryrun = true } },
      { "upgrade_all: dry_run must be true or false, got no", "upgrade_all", { dry_run = "no" } },
      { "collect_garbage: unknown setting 1; write for example { cycles = true }",
        "collect_garbage", { "cycles" } },
      { "a cluster's id expected, such as \"s1\", got no value", "terminate_cluster" },
      { "the reason must be a string, got table", "terminate_vat", "a", {} },
    } do
      misuse(case[1], k, table.unpack(case, 2))
    end
    assert.equal(0, k:vats()[1].incarnation)
    assert.same({}, k:audit())
  end)

  it("blames its caller", function()
    local k <close> = moonvat.open { db = ":memory:" }
    k:launch({ vats = { a = { source = "moonvat:topic" } } })
    for _, case in ipairs {
      { "launch takes a config: the path of a file, or a table; got number", "launch", 5 },
      { "launch takes a config: the path of a file, or a table; got an empty path", "launch", "" },
      { "launch: the folder of the sources must be a string, got number", "launch", {}, 5 },
      { "create_vat: unknown setting parameter (did you mean parameters?)",
        "create_vat", { name = "b", source = "moonvat:topic", parameter = {} } },
      { 'create_vat: source is missing, as in { name = "alice", source = "alice.lua" }',
        "create_vat", { name = "b" } },
      { 'create_vat: name is missing, as in { name = "alice", source = "alice.lua" }',
        "create_vat", { source = "moonvat:topic" } },
      { "create_vat: bundle must be the name of an installed bundle, got number",
        "create_vat", { name = "b", bundle = 5 } },
      { "create_vat: give source or bundle, not both",
        "create_vat", { name = "b", source = "moonvat:topic", bundle = "x" } },
      { 'no such bundle: "x"; install it first', "create_vat", { name = "b", bundle = "x" } },
      { 'upgrade_vat takes a table such as { source = "main.lua" }, got string',
        "upgrade_vat", "a", "topic.lua" },
      { "upgrade_vat: unknown setting options", "upgrade_vat", "a", { options = {} } },
      { 'no such vat: "b"', "upgrade_vat", "b" },
      { 'no such vat: "b"', "try_upgrade", "b" },
    } do
      misuse(case[1], k, table.unpack(case, 2))
    end
    assert.equal(1, #k:vats())
    assert.equal(0, #k:queue())
    for message, options in pairs {
      ["moonvat.open: commit_every must be a whole number of at least 1, got 0"] =
        { db = ":memory:", commit_every = 0 },
      ['open: db is missing: the path of the database, or ":memory:"'] = { db = "" },
      ["open: db has a zero byte, which no path may have"] = { db = "a\0b" },
      ['open: write "./file:x?mode=memory" for a file of that name'] = { db = "file:x?mode=memory" },
      ["open: :memory: begins empty, so there is nothing to read; open it without readonly"] =
        { db = ":memory:", readonly = true },
      ["open: services.vat_admin is built in; give yours another name"] =
        { db = ":memory:", services = { vat_admin = {} } },
    } do
      misuse(message, { open = function(_, given)
        local opened = moonvat.open(given)
        return opened
      end }, "open", options)
    end
  end)

  it("installs standard vats like others", function()
    local k <close> = moonvat.open { db = ":memory:" }
    assert.equal(64, #k:install_bundle("topic", "moonvat:topic"))
    k:install_bundle("news", "moonvat:topic")
    assert.equal("news, topic", k:bundles()[1].installed)
    assert.equal("topic.lua", k:bundles()[1].name)
    assert.equal("v1", (k:create_vat { name = "t", bundle = "topic" }))
  end)

  it("takes no name for another that it begins like", function()
    local k <close> = moonvat.open { db = ":memory:" }
    k:launch({ vats = { a = { source = "moonvat:topic" } } })
    k:install_bundle("topic", "moonvat:topic")
    for _, case in ipairs {
      { "root", "a\0b" }, { "send", "v1\0", "count" }, { "ref", "ko1\0" }, { "show", "ko1\0" },
      { "suspend_vat", "a\0" }, { "terminate_cluster", "s1\0" },
      { "create_vat", { name = "b", bundle = "topic\0" } },
    } do
      local ok, reason = pcall(k[case[1]], k, table.unpack(case, 2))
      assert.is_false(ok, case[1])
      helpers.says(reason, "goes on after a zero byte, which no name has")
    end
    assert.equal("running", k:vats()[1].state)
    assert.equal(1, #k:vats())
  end)

  it("takes any name for a file", function()
    local db = helpers.folder() .. "/file:x?mode=memory"
    moonvat.open({ db = db }):close()
    assert.equal("SQLite format 3", helpers.read(db):sub(1, 15))
  end)

  it("has its version", function()
    assert.equal("0.1.0", moonvat.version)
  end)
end)

describe("a function of the program", function()
  after_each(helpers.clean)

  local TALKS <const> = [[
    return function(vat)
      local services
      print "started"
      return Far("Main", {
        bootstrap = function(self, vats, given) services = given end,
        ask = function() return await(E(services.door):shut()) end,
        talk = function() print "talks" end,
      })
    end
  ]]

  -- A launched kernel that is closed by its log from the moment on that armed.log is set, and by
  -- its service.
  local function closing()
    local armed, k = {}, nil
    k = helpers.kernel {
      bootstrap = "main", services = { "door" }, vats = { main = TALKS },
      open = {
        log = function() if armed.log then k:close() end end,
        services = { door = { shut = function(effect) effect:defer(); k:close() end } },
      },
    }
    k:run()
    return k, armed
  end

  for name, act in pairs {
    run = function(k) k:send("main", "talk"); k:run() end,
    call = function(k) k:call("main", "talk") end,
    launch = function(k) k:launch(helpers.config { vats = { other = TALKS } }) end,
    create_vat = function(k)
      local config, folder = helpers.config { vats = { other = TALKS } }
      k:create_vat { name = "other", source = folder .. "/" .. config.vats.other.source }
    end,
    upgrade_all = function(k) k:upgrade_all {} end,
    notice = function(k) k:notice "told" end,
  } do
    it("that closes the kernel from its log ends " .. name .. " with an error", function()
      local k, armed = closing()
      armed.log = true
      local reason = helpers.raises(name, act, k)
      helpers.says(reason, "the log function closed the kernel while it ran")
      helpers.says(helpers.raises("closed", k.run, k), "this kernel is closed")
    end)
  end

  it("that closes the kernel from its service ends run and call with an error", function()
    for _, how in ipairs { "run", "call" } do
      local k = closing()
      local handle = how == "run" and k:send("main", "ask")
      local reason = helpers.raises(how, k[how], k, not handle and "main" or nil, "ask")
      helpers.says(reason, "a service closed the kernel while it ran")
      assert.is_truthy(not handle or handle.kref)
    end
  end)

  for name, act in pairs {
    answer = function(_, resolve) resolve "shut" end,
    upgrade_all = function(k) k:upgrade_all {} end,
    try_upgrade = function(k) k:try_upgrade("main", {}) end,
  } do
    it("is told when what it asks of " .. name .. " cannot be committed", function()
      local resolve
      local k = helpers.kernel {
        db = true, bootstrap = "main", services = { "door" }, vats = { main = TALKS },
        open = { services = { door = { shut = function(effect) resolve = effect:defer() end } } },
      }
      k:run()
      k:send("main", "ask"):release()
      k:run()
      k:send("main", "talk"):release()
      assert(os.remove(helpers.db(k) .. "-wal"))
      helpers.says(helpers.raises(name, act, k, resolve), "was moved, removed or replaced")
    end)
  end

  it("may end a vat from its log while it is upgraded", function()
    local k
    k = helpers.kernel { vats = { main = TALKS }, open = { log = function(entry)
      if k and entry.vat == "main" then
        k:terminate_vat "main"
        k:run()
      end
    end } }
    helpers.same(k:upgrade_all {}, { { vat = "v1", ok = true, incarnation = 1, promises = 0 } })
    helpers.same(k:vats(), {}, "the vats")
  end)
end)
