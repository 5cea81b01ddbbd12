--- Vats paged in and out: at most so many are in memory, and nobody can tell.

local helpers = require "spec.support.helpers"
local shared = require "spec.host.images"

local KEEPER, keepers, changed = shared.KEEPER, shared.keepers, shared.changed
local notices, add = shared.notices, shared.add
local same = helpers.same

describe("vats_online", function()
  after_each(helpers.clean)

  local NAMES <const> = { "a", "b", "c", "d", "e", "f" }

  local function play(options, online, step)
    local k = keepers(options, { vats_online = online, commit_every = 4 }, NAMES)
    for i = 1, 60 do
      helpers.call(k, NAMES[i * i % 6 + 1], "add", i)
      helpers.call(k, NAMES[i % 6 + 1], "pass", k:root(NAMES[(i + 1) % 6 + 1]))
      assert(k:stats().vats_online <= online)
      if step then
        step(k, i)
      end
    end
    local state = { k:dump() }
    for _, name in ipairs(NAMES) do
      state[#state + 1] = k:heap_hash(name)
    end
    helpers.close(k)
    return state
  end

  it("bounds the vats in memory, and nobody notices", function()
    for _, options in ipairs {
      { snapshot_interval = 500 }, { snapshot_interval = 3 }, { snapshot_interval = 0 },
      { transcript = false }, { vatstore = "paged", snapshot_interval = 4 },
    } do
      local straight = play(options, 50)
      same(play(options, 1), straight)
      same(play(options, 3), straight)
    end
  end)

  it("bounds them also where no crank runs: in upgrade_all, in looking at heaps, in launching", function()
    local k = keepers({}, { vats_online = 2 }, NAMES)
    same(k:stats().vats_online, 2, "after the launch")
    for _, result in ipairs(k:upgrade_all {}) do
      same({ result.ok, k:stats().vats_online }, { true, 2 })
    end
    for _, name in ipairs(NAMES) do
      assert(k:heap_hash(name))
      same(k:stats().vats_online, 2)
    end
    for _, name in ipairs(NAMES) do
      same((helpers.call(k, name, "add", 1)), 1)
    end
    helpers.audit(k)
  end)

  it("lets vats take turns whose numbers lead to one address range", function()
    local k = keepers({ snapshot_interval = 2 }, {}, { "a" })
    local logs
    add(k, 3, "a")
    k = changed(k, "UPDATE meta SET value = 13000 WHERE name = 'vat'")
    local cluster = k:launch(helpers.config {
      vats = { b = { source = KEEPER, options = { snapshot_interval = 2 } } },
    })
    same(cluster.vats.b, "v13001")
    add(k, 3, "b")
    k, logs = helpers.reopen(k)
    for i = 4, 9 do
      same((helpers.call(k, "a", "add", 1)), i)
      same((helpers.call(k, "b", "add", 1)), i)
      same(k:stats().vats_online, 1)
    end
    same(notices(logs), "")
  end)

  it("is not disturbed by another kernel of the process, which takes the places", function()
    local first = keepers({ snapshot_interval = 4 }, { vats_online = 1 }, NAMES)
    local second, logs = keepers({ snapshot_interval = 4 }, { vats_online = 1 }, NAMES)
    for i = 1, 30 do
      for _, name in ipairs(NAMES) do
        same((helpers.call(first, name, "add", 1)), i)
        same((helpers.call(second, name, "add", 2)), 2 * i)
      end
    end
    helpers.says(notices(logs) .. "is taken", "is taken")
  end)

  it("brings no vat back that was terminated", function()
    local k = keepers({}, { vats_online = 1 }, { "main", "other" })
    add(k, 60)
    k:terminate_vat "main"
    helpers.says(helpers.raises("its heap", k.heap_hash, k, "v1"),
      "v1 cannot be brought into memory: it has been terminated")
    helpers.run(k)
    add(k, 2, "other")
    same(k:stats().vats_online, 1)
  end)

  it("starts a vat without a transcript anew when its image is lost", function()
    local k, logs = keepers({ transcript = false }, { vats_online = 1 }, { "main", "other" })
    local db = helpers.db(k)
    add(k, 3)
    same((helpers.call(k, "other", "add", 1)), 1) -- main goes out
    k:commit()
    local shell = helpers.command(("sqlite3 %s \"UPDATE image SET hash = 'x'\""):format(db))
    same(shell, "")
    same((helpers.call(k, "main", "add", 1)), 1)
    same(helpers.vat(k, "main").incarnation, 1)
    helpers.says(notices(logs), { "another hash", "lost" })
  end)
end)
