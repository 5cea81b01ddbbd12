--- Vats paged in and out by images, and histories that images make needless.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.images.shared"

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

describe("compacting", function()
  after_each(helpers.clean)

  it("deletes what images make needless, and the vats go on", function()
    local k = keepers({ snapshot_interval = 10 }, {}, { "main", "other" })
    local logs
    add(k, 25)
    add(k, 3, "other")
    local hashes = { k:heap_hash "main", k:heap_hash "other" }
    local dump = k:dump()
    local done = k:compact()
    same({ done.vats, done.deliveries, done.skipped, #done.build }, { 2, 30, 0, 40 })
    same(k:dump(), dump)
    k = changed(k, "SELECT 1")
    k, logs = helpers.reopen(k)
    same({ k:heap_hash "main", k:heap_hash "other" }, hashes)
    same((helpers.call(k, "main", "add", 1)), 26)
    same(notices(logs), "")
    same(k:compact().deliveries, 1)
    same(k:compact().deliveries, 0)
  end)

  it("tells a vat that it left without a way back what to do", function()
    local k = keepers { snapshot_interval = 10 }
    local logs
    add(k, 12)
    k:compact()
    k, logs = changed(k, "UPDATE image SET build = 'another'")
    k:send("main", "add", 1):release()
    helpers.run(k)
    helpers.says(helpers.vat(k, "main").fault,
      { "compacted", "it is of another build of the vat layer", "upgrade the vat" })
    helpers.says(notices(logs), "another build")
    k = changed(k, "DELETE FROM image")
    k:resume_vat "main"
    helpers.run(k)
    helpers.says(helpers.vat(k, "main").fault, { "compacted", "there is no image of its heap" })
  end)

  it("tells a vat whose place another kernel of the process has that it can be resumed", function()
    local k = keepers { snapshot_interval = 10 }
    add(k, 12)
    k:compact()
    local db = helpers.db(k)
    helpers.close(k)
    local other = keepers { snapshot_interval = 10 }
    k = helpers.open(db)
    local handle = k:send("main", "add", 1)
    helpers.run(k)
    helpers.says(helpers.vat(k, "main").fault, { "place in memory is taken", "resume the vat" })
    helpers.close(other)
    k:resume_vat "main"
    helpers.run(k)
    same((handle:values()), 13)
  end)

  it("keeps the transcripts of vats that have no images, or cannot be brought back", function()
    local k = keepers { snapshot_interval = 0 }
    add(k, 5)
    same(k:compact().deliveries, 0)
    k = helpers.reopen(k)
    same((helpers.call(k, "main", "add", 1)), 6)
  end)

  it("says of a vat that it skips why", function()
    local k = keepers { snapshot_interval = 1000 }
    add(k, 5)
    local logs
    k, logs = changed(k, "DELETE FROM transcript WHERE position = 2")
    same(k:compact().skipped, 1)
    helpers.says(notices(logs), { "its transcript stays", "deliveries are missing" })
    helpers.audit(k)
  end)
end)
