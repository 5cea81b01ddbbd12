--- The vat author's manual: what it shows, run.

local core = require "moonvat.core"
local moonvat = require "moonvat"

local manual = debug.getinfo(1, "S").source:match("^@(.*)spec/vats/[^/]*$") .. "vats/README.md"

local function values_of(option)
  if option.kind == "flag" then
    return "`true`, `false`"
  elseif option.kind == "choice" then
    return '`"' .. table.concat(option.words, '"`, `"') .. '"`'
  end
  return ("%.13g to %.13g"):format(option.least, option.most)
end

local function default_of(option)
  local value = option.default
  return type(value) == "string" and ('`"%s"`'):format(value)
    or type(value) == "number" and ("%.13g"):format(value) or ("`%s`"):format(value)
end

describe("the vat author's manual", function()
  local folder, k, said

  setup(function()
    local pipe = io.popen("mktemp -d")
    folder = pipe:read("l")
    pipe:close()
    local file <close> = assert(io.open(manual))
    for name, source in file:read("a"):gmatch("```lua\n%-%- (%S+%.lua)\n(.-)```") do
      local snippet <close> = assert(io.open(folder .. "/" .. name, "w"))
      snippet:write(source)
    end
  end)

  teardown(function()
    os.execute("rm -r '" .. folder .. "'")
  end)

  before_each(function()
    said = {}
    k = moonvat.open {
      db = ":memory:",
      log = function(entry)
        said[#said + 1] = entry.text
      end,
    }
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    assert.same({}, problems)
  end)

  it("knows the options of a vat", function()
    local lines = { "| option | values | without | what it means |", "|---|---|---|---|" }
    for i, option in ipairs(core.vat_options) do
      lines[i + 2] = ("| `%s` | %s | %s | %s |"):format(option.name, values_of(option),
        default_of(option), option.text)
    end
    local file <close> = assert(io.open(manual))
    local wanted = table.concat(lines, "\n") .. "\n\n"
    assert.truthy(file:read "a":find(wanted, 1, true), "the table of options is not:\n" .. wanted)
  end)

  it("has a config and two counters", function()
    k:launch(folder .. "/counters.lua")
    assert.equal(1, k:call("apples", "increment"))
    assert.equal(6, k:call("apples", "increment", 5))
    assert.equal(101, k:call("pears", "increment"))
  end)

  it("has a shop that sends in every way", function()
    k:launch({
      bootstrap = "shop",
      vats = {
        shop = { source = "shop.lua" },
        apples = { source = "counter.lua" },
        pears = { source = "counter.lua" },
      },
    }, folder)
    k:run()
    assert.same({ "now 1", "sold 3", "then 2 and 1", "at last 13" }, said)
  end)

  it("has facets over one count", function()
    k:launch({ vats = { owner = { source = "facets.lua" } } }, folder)
    local reader = k:call("owner", "reader")
    k:call("owner", "set", 7)
    assert.equal(7, k:call(reader, "count"))
    assert.is_false((pcall(k.call, k, reader, "set", 8)))
  end)

  it("has a till that refuses with facts", function()
    k:launch({ vats = { till = { source = "till.lua" } } }, folder)
    assert.equal("refused: need 1000, have 70", k:call("till", "try"))
    local ok, reason = pcall(k.call, k, "till", "take", 1000)
    assert.is_false(ok)
    assert.equal("InsufficientFunds", reason.name)
    assert.equal(1000, reason.need)
  end)

  it("has notes in the baggage", function()
    k:launch({ vats = { notes = { source = "notes.lua" } } }, folder)
    k:call("notes", "add", "moon", "full")
    assert.equal(2, k:call("notes", "add", "moon", "new"))
    k:call("notes", "add", "earth", "round")
    assert.same({ "earth", "moon" }, (k:call("notes", "names")))
  end)

  it("has a maker of vats", function()
    k:launch({
      bootstrap = "maker",
      services = { "vat_admin" },
      vats = { maker = { source = "maker.lua" } },
      bundles = { counter = { source = "counter.lua" } },
    }, folder)
    assert.equal(11, k:call("maker", "make"))
    assert.equal(1, k:call("maker", "upgrade"))
    assert.equal(11, k:call("maker", "count"))
    k:call("maker", "stop")
    k:run()
    assert.same({ "it failed: no more plums" }, said)
  end)

  it("has a spec that passes", function()
    local command = "cd '%s' && lua5.4 '%s' counter_spec.lua"
    local busted = assert(io.popen("command -v busted")):read("l")
    local pipe = io.popen(command:format(folder, busted))
    local output = pipe:read("a")
    assert.is_true(pipe:close(), output)
  end)
end)
