--- Launching: all vats of a config or none, and what is said of one that fails.

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
