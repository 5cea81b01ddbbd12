--- Garbage across vats: collections, replayed, often, at a limit and of a great many.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.garbage.shared"

local MAKER, KEEPER, row, rest = shared.MAKER, shared.KEEPER, shared.row, shared.rest
local collect, make = shared.collect, shared.make
local same = helpers.same

local function sizes(k)
  local stats = k:stats()
  return { objects = stats.objects, promises = stats.promises, clists = stats.clists,
    queue = stats.queue, parked = stats.parked }
end

-- Makes, gives, uses, drops, meets again; prints what vat code sees.
local SCENE <const> = {
  main = [[
    return function(vat)
      return Far("Main", {
        bootstrap = function(self, vats)
          local maker, keeper = vats.maker, vats.keeper
          local keys, order = {}, {}
          for i = 1, 12 do keys[await(E(maker):make("k" .. i))] = i end
          for key, i in pairs(keys) do order[#order + 1] = i .. tostring(key) end
          table.sort(order)
          print(table.concat(order, " "))
          keys = nil -- all twelve are garbage now
          for round = 1, 6 do
            local name = "x" .. round % 3
            local x = await(E(maker):keep(name))
            await(E(keeper):hold(name, x))
            if round % 2 == 0 then await(E(keeper):store(name, x)) end
            x = nil
            print(await(E(keeper):use(name)))
            await(E(keeper):let_go(name))
            local again = await(E(maker):again(name))
            print(tostring(again), await(E(maker):is(name, again)))
            if round % 3 == 0 then
              await(E(keeper):unstore(name))
              await(E(maker):forget(name))
            end
          end
        end,
      })
    end
  ]],
  maker = MAKER,
  keeper = KEEPER,
}

local function scene(db, interval)
  local vats = {}
  for name, source in pairs(SCENE) do
    vats[name] = { source = source, options = { reap_interval = interval } }
  end
  local k, logs = helpers.kernel { db = db, bootstrap = "main", vats = vats,
    open = { commit_every = 1000 } }
  return k, logs
end

describe("garbage: collecting", function()
  after_each(helpers.clean)

  it("is repeated by replay: a restart after any crank changes nothing", function()
    local k = scene(true, 3)
    local cranks = 0
    while k:step() do
      cranks = cranks + 1
    end
    local wanted = k:dump()
    assert(cranks > 100, "hardly anything has happened: " .. cranks)
    for at = 1, cranks, 3 do -- every crank, in the next test
      k = scene(true, 3)
      for _ = 1, at do
        k:step()
      end
      k = helpers.reopen(k)
      helpers.audit(k, "after crank " .. at .. " and a restart")
      while k:step() do -- luacheck: ignore
      end
      if k:dump() ~= wanted then
        same(k:dump(), wanted, "the dump when it was restarted after crank " .. at)
      end
      helpers.clean()
    end
  end)

  it("and restarts after every crank, too", function()
    local k = scene(true, 3)
    k:run()
    local wanted = k:dump()
    helpers.clean()
    k = scene(true, 3)
    while k:step() do
      k = helpers.reopen(k)
      helpers.audit(k, "after a restart")
    end
    same(k:dump(), wanted, "the dump")
  end)

  it("is not visible to vat code, however often it comes", function()
    local wanted
    for _, interval in ipairs { 0, 1, 2, 5, 100 } do
      local k, logs = scene(":memory:", interval)
      helpers.run(k)
      wanted = wanted or logs.main
      assert(#wanted == 13, "the scene has printed " .. #wanted .. " lines")
      same(logs.main, wanted, "what it prints with reap_interval = " .. interval)
      helpers.clean()
    end
  end)

  it("and the host, who names what is on its way out, come to no harm", function()
    for cranks = 0, 8 do
      local k = helpers.kernel {
        vats = {
          maker = { source = MAKER, options = { reap_interval = 1 } },
          keeper = { source = KEEPER, options = { reap_interval = 1 } },
        },
      }
      local kref
      do
        local ref = helpers.call(k, "maker", "keep", "x")
        kref = tostring(ref)
        helpers.call(k, "keeper", "hold", "x", ref)
      end
      rest(k)
      k:send("keeper", "let_go", "x"):release()
      for _ = 1, cranks do
        k:step()
      end
      if row(k, kref) then
        do
          local ref = k:ref(kref)
          same(helpers.call(k, kref, "name"), "x", "called after " .. cranks .. " cranks")
          helpers.call(k, "keeper", "hold", "x", ref)
        end
        rest(k)
        collect(k)
        same(helpers.call(k, "keeper", "use", "x"), "x", "used after " .. cranks .. " cranks")
      else
        helpers.raises("a reference that is gone", k.ref, k, kref)
      end
      same(helpers.vat(k, "maker").fault, nil, "the maker's fault")
      helpers.clean()
    end
  end)

  it("goes on in a vat that is at its memory limit", function()
    local k = helpers.kernel {
      open = { commit_every = 1000 },
      vats = {
        full = {
          source = [[
            return function()
              local kept, filled = {}, {}
              return Far("Full", {
                make = function(self, n)
                  for i = 1, n do kept[i] = Far("Thing", {}) end
                  return kept
                end,
                fill = function(self, size) filled[#filled + 1] = ("x"):rep(size) .. #filled end,
                empty = function() kept, filled = {}, {} end,
              })
            end
          ]],
          options = { memory_limit = 2 * 1024 * 1024 },
        },
        keeper = KEEPER,
      },
    }
    k:call("keeper", "hold", "all", k:call("full", "make", 1000))
    for _, size in ipairs { 65536, 4096, 256, 32, 8 } do
      while pcall(k.call, k, "full", "fill", size) do -- luacheck: ignore
      end
    end
    k:send("keeper", "let_go", "all"):release()
    collect(k)
    same(helpers.vat(k, "full").state, "running", "the vat after the collector's deliveries")
    helpers.call(k, "full", "empty")
    rest(k)
    collect(k)
    same(#k:objects(), 2, "objects: the roots")
  end)

  it("returns how many objects went", function()
    local k = helpers.kernel { vats = { maker = MAKER } }
    collect(k)
    same(collect(k), 0, "when there is nothing to do")
    for n = 1, 5 do
      make(k, "thing" .. n)
    end
    collectgarbage()
    local count = k:collect_garbage()
    same({ count, #k:objects() }, { 5, 1 }, "objects collected, and left")
  end)
end)

describe("garbage: ten thousand", function()
  after_each(helpers.clean)

  local DRIVER = [[
    return function(vat)
      local held = {}
      return Far("Driver", {
        objects = function(self, maker, n)
          for _ = 1, n do
            assert(await(E(await(E(maker):make("one"))):name()) == "one")
          end
        end,
        promises = function(self, other, n)
          local last
          for i = 1, n do
            local p, resolve = promise()
            last = E(other):double(p)
            resolve(i)
          end
          return await(last)
        end,
        take = function(self, maker, n)
          for i = 1, n do held[i] = E(maker):make("one") end
          for i = 1, n do held[i] = await(held[i]) end
        end,
        drop = function() held = {} end,
        double = function(self, p) return await(p) * 2 end,
        tick = function() end,
      })
    end
  ]]

  it("objects, passed and used once, leave nothing", function()
    local k = helpers.kernel { open = { commit_every = 1000 },
      vats = { maker = MAKER, driver = DRIVER } }
    k:call("driver", "objects", k:root "maker", 10)
    collect(k)
    local before = sizes(k)
    k:call("driver", "objects", k:root "maker", 10000)
    same(k:stats().objects < 1000, true, "most of them went by themselves, meanwhile")
    collect(k)
    same(sizes(k), before, "rows")
  end)

  it("calls with promises as arguments leave nothing", function()
    local k = helpers.kernel { open = { commit_every = 1000 },
      vats = { other = DRIVER, driver = DRIVER } }
    k:call("driver", "promises", k:root "other", 10)
    collect(k)
    local before = sizes(k)
    same(k:call("driver", "promises", k:root "other", 10000), 20000, "the last answer")
    collect(k)
    same(sizes(k), before, "rows")
  end)

  it("imports, dropped at once, go in parts while others are served", function()
    local COUNT <const> = 4000
    local k = helpers.kernel {
      open = { commit_every = 1000 },
      vats = {
        maker = { source = MAKER, options = { reap_interval = 0 } },
        driver = { source = DRIVER, options = { reap_interval = 1 } },
        ticker = { source = DRIVER, options = { reap_interval = 0 } },
      },
    }
    collect(k)
    local before = sizes(k)
    k:call("driver", "take", k:root "maker", COUNT)
    collect(k)
    same(k:stats().objects, before.objects + COUNT, "objects")
    k:send("driver", "drop"):release()
    for _ = 1, 80 do
      k:send("ticker", "tick"):release()
    end
    local ticks, others, gone = helpers.vat(k, "ticker").deliveries, 0, k:stats().objects
    while k:stats().queue > 0 do
      k:step()
      local now, objects = helpers.vat(k, "ticker").deliveries, k:stats().objects
      others = now > ticks and 0 or others + 1
      assert(others <= 2, "the ticker waited for " .. others .. " cranks of others")
      assert(gone - objects <= 1000, ("one crank took %d objects"):format(gone - objects))
      ticks, gone = now, objects
    end
    same(gone, before.objects, "objects when the last tick was served")
    collect(k)
    same(sizes(k), before, "rows")
  end)
end)
