--- Histories that images make needless, deleted.

local helpers = require "spec.support.helpers"
local shared = require "spec.host.images"

local keepers, changed = shared.keepers, shared.changed
local notices, add = shared.notices, shared.add
local same = helpers.same

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
