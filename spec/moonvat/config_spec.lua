--- Configs: what is taken, and what each mistake is told.

local config = require "moonvat.config"
local core = require "moonvat.core"
local helpers = require "spec.support.helpers"

local VAT <const> = "return function() return Far('Main', {}) end\n"

describe("a config", function()
  after_each(helpers.clean)

  local folder

  before_each(function()
    folder = helpers.folder()
    helpers.write(folder .. "/main.lua", VAT)
  end)

  local function load(what)
    return config.load(what, folder)
  end

  -- What is said of a table; with the sources in the folder.
  local function told(what)
    return (helpers.raises("config", load, what):gsub(folder:gsub("%p", "%%%0") .. "/", ""))
  end

  -- What is said of a file.
  local function told_of(text)
    helpers.write(folder .. "/bank.lua", text)
    local message = helpers.raises(text, config.load, folder .. "/bank.lua")
    return (message:gsub(folder:gsub("%p", "%%%0") .. "/", ""))
  end

  local function vat(fields)
    fields.source = "main.lua"
    return { vats = { main = fields } }
  end

  it("gives the vats by name, with their sources", function()
    local spec = load {
      bootstrap = "main",
      vats = {
        main = { source = "main.lua", parameters = { greeting = "hello" } },
        counter = { source = folder .. "/main.lua", options = { memory_limit = 16e6, time_limit = 2 } },
      },
    }
    local modules = { { name = "main.lua", source = VAT } }
    helpers.same(spec, {
      bootstrap = "main", services = {},
      vats = {
        { name = "counter", bundle = modules, parameters = {},
          options = { memory_limit = 16000000, time_limit = 2.0 } },
        { name = "main", bundle = modules, parameters = { greeting = "hello" }, options = {} },
      },
    })
  end)

  it("has its sources beside its file", function()
    helpers.write(folder .. "/bank.lua", "return { vats = { main = { source = 'main.lua' } } }")
    assert.equal(VAT, config.load(folder .. "/bank.lua").vats[1].bundle[1].source)
  end)

  it("may compute with string, table and math", function()
    helpers.write(folder .. "/bank.lua", [[
      local vats = {}
      for i = 1, 3 do vats[("w%d"):format(i)] = { source = "main.lua", parameters = { math.max(i, 2) } } end
      return { vats = vats, bootstrap = table.concat { "w", "1" } }
    ]])
    local spec = config.load(folder .. "/bank.lua")
    assert.equal(3, #spec.vats)
    assert.same({ 3 }, spec.vats[3].parameters)
  end)

  it("names a standard vat with moonvat:", function()
    local mint = load { vats = { mint = { source = "moonvat:mint" } } }.vats[1].bundle[1]
    assert.equal("mint.lua", mint.name)
    assert.equal(helpers.read "vats/mint.lua", mint.source)
    assert.equal('config: vats.mint.source: there is no standard vat "mnt"',
      told { vats = { mint = { source = "moonvat:mnt" } } })
    helpers.says(told { vats = { mint = { source = "moonvat:../x" } } }, "the name of a standard vat")
  end)

  it("takes bundles by name", function()
    local spec = load { vats = { main = { source = "main.lua" } }, bundles = { purse = { source = "main.lua" } } }
    assert.equal("purse", spec.bundles[1].name)
    assert.equal(VAT, spec.bundles[1].bundle[1].source)
    assert.equal("config: bundles.purse.options: unknown key",
      told { vats = { main = { source = "main.lua" } },
        bundles = { purse = { source = "main.lua", options = {} } } })
  end)

  it("takes each option in its range", function()
    for name, cases in pairs {
      transcript = { { true, false }, { 1, "true" } },
      time_limit = { { 0.001, 0.5, 1, 3600 }, { -1, 0, 0 / 0, 1 / 0, "1" } },
      instruction_budget = { { 0, 1000000 }, { -100, 1.5, "0" } },
      memory_limit = { { 262144, 64 * 1024 * 1024, 1e9 }, { 0, 262143, 1 << 31, 1e9 + 0.5 } },
      on_fault = { { "reject", "suspend", "terminate" }, { "ignore", true } },
      critical = { { true, false }, { 0 } },
      reap_interval = { { 0, 1, 100 }, { -1, 0.5 } },
      vatstore = { { "bulk", "paged" }, { "all" } },
      snapshot_interval = { { 0, 500 }, { -1, "500" } },
    } do
      for _, good in ipairs(cases[1]) do
        assert.equal(good, load(vat { options = { [name] = good } }).vats[1].options[name])
      end
      for _, bad in ipairs(cases[2]) do
        helpers.says(told(vat { options = { [name] = bad } }),
          "config: vats.main.options." .. name .. ": expected ")
      end
    end
  end)

  it("is told what is unknown in it, with the path and the nearest known name", function()
    helpers.write(folder .. "/bank.lua",
      "return { vats = { counter = { source = 'main.lua', options = { memory_limt = 1 } } } }")
    assert.equal("bank.lua: vats.counter.options.memory_limt: unknown option (did you mean memory_limit?)",
      told_of(helpers.read(folder .. "/bank.lua")))
    for message, what in pairs {
      ["config: vat: unknown key (did you mean vats?)"] = { vat = {} },
      ["config: [1]: unknown key"] = { "main.lua" },
      ["config: vats.main.parametres: unknown key (did you mean parameters?)"] = vat { parametres = {} },
      ['config: vats.main["a b"]: unknown key'] = vat { ["a b"] = 1 },
      ['config: bootstrap: no vat is called "man" (did you mean main?)'] = {
        bootstrap = "man", vats = { main = { source = "main.lua" } },
      },
      ['config: services[1]: unknown service "vat_amin" (did you mean vat_admin?)'] = {
        services = { "vat_amin" }, vats = { main = { source = "main.lua" } },
      },
    } do
      assert.equal(message, told(what))
    end
  end)

  it("is told what is missing or of a wrong type", function()
    for message, what in pairs {
      ['config: vats: missing; write for example vats = { main = { source = "main.lua" } }'] = {},
      ["config: vats: empty; a cluster has at least one vat"] = { vats = {} },
      ["config: vats: expected a table, got string"] = { vats = "main.lua" },
      ['config: vats.main: expected a table such as { source = "main.lua" }, got string'] = {
        vats = { main = "main.lua" },
      },
      ['config: vats.main.source: missing; write for example source = "main.lua"'] = { vats = { main = {} } },
      ["config: vats.main.source: expected a string, got number"] = { vats = { main = { source = 1 } } },
      ["config: vats.main.source: gone.lua: no such file"] = { vats = { main = { source = "gone.lua" } } },
      ["config: vats.main.options: expected a table, got boolean"] = vat { options = true },
      ["config: vats.main.parameters: expected a table, got number"] = vat { parameters = 5 },
      ["config: bootstrap: expected a string, got boolean"] = {
        bootstrap = true, vats = { main = { source = "main.lua" } },
      },
      ["config: bundles: expected a table, got number"] = {
        bundles = 1, vats = { main = { source = "main.lua" } },
      },
      ['config: services: expected a table such as { "vat_admin" }, got string'] = {
        services = "vat_admin", vats = { main = { source = "main.lua" } },
      },
      ['config: services.a: expected a list such as { "vat_admin" }'] = {
        services = { a = "vat_admin" }, vats = { main = { source = "main.lua" } },
      },
    } do
      assert.equal(message, told(what))
    end
    assert.equal("a config is a path or a table, not nothing", told(nil))
    assert.equal("bank.lua: a config returns a table, this one returns nothing", told_of "local x = 1")
  end)

  it("is told which names no vat can have", function()
    for _, name in ipairs { "v1", "s2", "ko3", "kp4", "1st", "a b", "", "a.b" } do
      helpers.says(told { vats = { [name] = { source = "main.lua" } } }, "config: vats")
      helpers.says(told { vats = { [name] = { source = "main.lua" } } }, "a vat's name starts with")
    end
    helpers.says(told { vats = { { source = "main.lua" } } }, "config: vats[1]: a vat needs a name")
    assert.equal(1, #load({ vats = { ["v1-a_B"] = { source = "main.lua" } } }).vats)
  end)

  it("is told the path to a parameter that cannot be passed", function()
    local loop = {}
    loop.again = { loop }
    local deep = {}
    for _ = 1, 300 do
      deep = { deep }
    end
    for message, parameters in pairs {
      ["config: vats.main.parameters.list[2].f: a function cannot be passed to a vat"] = {
        list = { 1, { f = print } },
      },
      ["config: vats.main.parameters.loop.again[1]: a table cannot be inside itself"] = { loop = loop },
      ["config: vats.main.parameters.m: a table with a metatable cannot be passed to a vat"] = {
        m = setmetatable({}, {}),
      },
    } do
      assert.equal(message, told(vat { parameters = parameters }))
    end
    helpers.says(told(vat { parameters = { deep } }), "a table is nested deeper than 200")
    local shared = { 1 }
    assert.same({ shared, shared }, load(vat { parameters = { shared, shared } }).vats[1].parameters)
  end)

  it("is told when its sources cannot be bundled", function()
    helpers.write(folder .. "/bad.lua", 'return require "gone"')
    assert.equal('config: vats.main.source: bad.lua:1: cannot find the module "gone": gone.lua: no such file',
      told { vats = { main = { source = "bad.lua" } } })
  end)

  it("cannot reach beyond its table", function()
    assert.equal("bank.lua:1: there is no os here; a config has string, table and math",
      told_of "return { x = os.getenv 'HOME' }")
    assert.equal("bank.lua:1: there is no maths here; a config has string, table and math "
      .. "(did you mean math?)", told_of "return { x = maths.pi }")
    helpers.says(told_of "return load", "there is no load here")
    told_of "string.rep = nil"
    assert.equal("aa", ("a"):rep(2))
    assert.equal("bank.lua: the config takes too long; it should only build a table",
      told_of "while true do end")
    helpers.says(told_of 'local s = "" for i = 1, 1e9 do s = s .. "twelve bytes" end', "takes too long")
    assert.equal("bank.lua: the config takes too much memory; it should only build a table",
      told_of 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(4e6) end')
    helpers.says(told_of "return {", "bank.lua:1:")
    helpers.says(told_of(string.dump(function() end)), "attempt to load a binary chunk")
    assert.equal("bank.lua: no such file", (helpers.raises("none", config.load, "bank.lua")))
  end)

  it("has services only where the kernel has them", function()
    local what = { services = { "vat_admin" }, vats = { main = { source = "main.lua" } } }
    assert.same({ "vat_admin" }, config.load(what, folder).services)
    assert.same({ "vat_admin" }, config.load(what, folder, { "clock", "vat_admin" }).services)
  end)

  it("has one text that changes with it and with its sources", function()
    local what = vat { parameters = { a = 1, b = 2 } }
    local text = config.canonical(load(what))
    assert.equal(text, config.canonical(load(vat { parameters = { b = 2, a = 1 } })))
    assert.not_equal(text, config.canonical(load(vat { parameters = { a = 1, b = 3 } })))
    helpers.write(folder .. "/main.lua", VAT .. "--")
    assert.not_equal(text, config.canonical(load(what)))
  end)
end)

describe("a vat's options", function()
  after_each(helpers.clean)

  it("are the same for a config and for the core", function()
    local k <close> = require "moonvat".open { db = ":memory:" }
    local bundle = { { name = "a.lua", source = "return function() return Far('A', {}) end" } }
    local function create(name, value)
      return pcall(core.methods.create_vat, k,
        { name = "a", bundle = bundle, options = { [name] = value } })
    end
    for _, option in ipairs(core.vat_options) do
      assert.is_true((pcall(config.check_options, { [option.name] = option.default }, "options")))
      if option.least then
        for _, value in ipairs { option.least - 1, option.most + 1 } do
          local good, reason = create(option.name, value)
          assert.is_false(good)
          helpers.says(reason, option.name .. " must be from ")
          assert.is_false((pcall(config.check_options, { [option.name] = value }, "options")))
        end
      end
      local good, reason = create(option.name, {})
      assert.is_false(good)
      helpers.says(reason, { option.name .. ": a ", " expected, got table" })
    end
    assert.same({}, k:vats())
  end)
end)
