--- Images of heaps in the database: restarts by them, and what becomes of bad ones.

local helpers = require "spec.support.helpers"
local shared = require "spec.host.images"

local keepers, changed, notices, add = shared.keepers, shared.changed, shared.notices, shared.add
local same = helpers.same

describe("an image in the database", function()
  after_each(helpers.clean)

  it("is saved at counts of deliveries, and only the latest is kept", function()
    local k = keepers { snapshot_interval = 10 }
    same(#k:images(), 0)
    add(k, 9)
    local row = k:images()[1]
    same({ row.vat, row.incarnation, row.position, #k:images() }, { "v1", 0, 10, 1 })
    add(k, 9)
    same(k:images()[1].position, 10)
    add(k, 1)
    same({ k:images()[1].position, #k:images() }, { 20, 1 })
  end)

  it("is never saved with snapshot_interval = 0", function()
    local k = keepers { snapshot_interval = 0 }
    add(k, 30)
    same(#k:images(), 0)
  end)

  it("is saved with the block that reaches the count", function()
    local k = keepers({ snapshot_interval = 10 }, { commit_every = 1000 })
    for _ = 1, 25 do
      k:send("main", "add", 1)
    end
    while k:stats().deliveries < 20 do
      k:step()
    end
    same(#k:images(), 0)
    k:commit()
    same(k:images()[1].position, k:stats().deliveries)
  end)

  it("brings the vat back without the deliveries before it", function()
    local k = keepers { snapshot_interval = 10 }
    local handle = k:send("main", "wait", k:send("main", "deferred"))
    helpers.run(k)
    add(k, 17)
    local hash, dump = k:heap_hash "main", k:dump()
    handle:release()
    local logs
    k, logs = changed(k, "DELETE FROM transcript WHERE position < 20")
    same(k:heap_hash "main", hash)
    same(k:dump(), dump)
    same({ helpers.call(k, "main", "add", 1) }, { 18, 18, 24 })
    same(notices(logs), "")
    same(helpers.call(k, "main", "waiting"), "waiting")
  end)

  it("makes no difference: with it, without it, and never stopped are one heap and one dump", function()
    local function play(interval, reopen, delete)
      local k = keepers({ snapshot_interval = interval, reap_interval = 7 }, { commit_every = 3 },
        { "main", "other" })
      for i = 1, 40 do
        helpers.call(k, i % 3 == 0 and "other" or "main", "add", i)
        helpers.call(k, "main", "pass", k:root "other")
        if i % 8 == 0 and reopen then
          k = delete and changed(k, "DELETE FROM image") or helpers.reopen(k)
        end
      end
      local state = { k:dump(), k:heap_hash "main", k:heap_hash "other" }
      helpers.close(k) -- its heaps' places are free for the next
      return state
    end
    local straight = play(0, false)
    same(play(0, true), straight, "replayed")
    same(play(1, true), straight, "an image each delivery")
    same(play(4, true), straight, "images")
    same(play(4, true, true), straight, "images that were deleted")
    same(play(500, false), straight, "no image due")
  end)

  it("has the same bytes after the same history", function()
    local function play()
      local k = keepers({ snapshot_interval = 10 }, {}, { "main", "other" })
      for i = 1, 25 do
        helpers.call(k, "main", "pass", k:root "other")
        helpers.call(k, "other", "add", i)
      end
      return k:images()
    end
    local images = play()
    same(#images, 2)
    helpers.clean()
    same(play(), images)
  end)

  it("is not used when anything about it is wrong; the log says what", function()
    local another <const> = ("%040d"):format(7)
    local wrongs = {
      ["UPDATE image SET build = '" .. another .. "'"] = "another build",
      ["UPDATE image SET bytes = substr(bytes, 1, length(bytes) - 1)"] = "another hash",
      ["UPDATE image SET bytes = x''"] = "another hash",
      ["UPDATE image SET hash = 'x'"] = "another hash",
      ["UPDATE image SET bytes = CAST(substr(bytes, 1, 999) || x'55' || substr(bytes, 1001) AS BLOB)"] =
        "another hash",
      ["UPDATE image SET length = length + 1"] = "length",
      ["UPDATE image SET length = 100"] = "length",
      ["UPDATE image SET length = -1"] = "makes no sense",
      ["UPDATE image SET length = 9223372036854775807"] = "makes no sense",
      ["UPDATE image SET position = position + 100"] = "makes no sense",
      ["UPDATE image SET position = -1"] = "makes no sense",
      ["UPDATE image SET position = position - 1"] = "differently",
      ["UPDATE image SET incarnation = incarnation + 1"] = "",
    }
    local k = keepers { snapshot_interval = 10 }
    local logs
    add(k, 23)
    local hash, count = k:heap_hash "main", 23
    for sql, words in pairs(wrongs) do
      k, logs = changed(k, sql)
      same(k:heap_hash "main", hash, sql)
      add(k, 1)
      count = count + 1
      if words == "" then
        same(notices(logs), "", sql)
      else
        helpers.says(notices(logs), { "image", words }, sql)
      end
      same(helpers.call(k, "main", "add", 0), count, sql)
      add(k, 10 - (count + 2) % 10) -- the next image is a good one
      count = count + 10 - (count + 2) % 10
      same(k:images()[1].position > count - 10, true)
      hash = k:heap_hash "main"
    end
  end)

  it("is not used without its bundle, however that is named", function()
    local name <const> = ("0"):rep(10000)
    local k = keepers { snapshot_interval = 10 }
    local logs
    add(k, 12)
    k, logs = changed(k, "UPDATE vat SET bundle = hex(zeroblob(5000))")
    k:send("main", "add", 1):release()
    k:run()
    same(notices(logs), "main: the image of its heap is not used: its bundle " .. name
      .. " is not in the database")
    same(helpers.vat(k, "main").fault, "its bundle " .. name .. " is not in the database")
  end)

  it("has the durable rows of its position, also when a crank asked the database meanwhile", function()
    -- bring_out_your_dead deletes an instance's row; that the object which administers an ended vat
    -- goes with it makes the kernel look into the database before the crank is done.
    local k = helpers.kernel {
      db = true, bootstrap = "main", services = { "vat_admin" },
      bundles = { kid = "return function(vat) return Far('Kid', { ping = function() end }) end" },
      vats = { main = { options = { snapshot_interval = 4, reap_interval = 0 }, source = [[
        return function(vat)
          local make = vat.kind("Box", { get = function(self) return self.n end })
          local vat_admin, kid
          return Far("Main", {
            bootstrap = function(self, vats, services) vat_admin = services.vat_admin end,
            meet = function(self, x) vat_admin = x end,
            make = function(self, n)
              vat.baggage.box = make { n = n }
              kid = await(E(vat_admin):create_vat("kid", { name = "kid" .. n }))
            end,
            get = function(self) return await(E(vat.baggage.box):get()) end,
            stop = function(self) await(E(kid.admin):terminate "enough") end,
            drop = function(self) vat.baggage.box = nil; kid = nil end,
          })
        end
      ]] } },
    }
    helpers.run(k)
    local admin
    for _, row in ipairs(k:clist "main") do
      admin = row.vref:find "^o%-" and k:ref(row.kref) or admin
    end
    helpers.call(k, "main", "make", 1)
    local upgraded = k:upgrade_vat("main", {})
    helpers.run(k)
    same(upgraded:values(), { incarnation = 1 })
    helpers.call(k, "main", "meet", admin)
    same((helpers.call(k, "main", "get")), 1)
    helpers.call(k, "main", "make", 2)
    same((helpers.call(k, "main", "get")), 2)
    helpers.call(k, "main", "stop")
    helpers.call(k, "main", "drop")
    k:collect_garbage()
    local dump = k:dump()
    for _, sql in ipairs { "SELECT 1", "DELETE FROM image" } do
      local logs
      k, logs = changed(k, sql)
      assert(k:heap_hash "main")
      same({ helpers.vat(k, "main").state, notices(logs) }, { "running", "" }, sql)
      same(k:dump(), dump)
    end
    helpers.call(k, "main", "make", 3)
    same((helpers.call(k, "main", "get")), 3)
  end)

  it("is of its incarnation alone", function()
    local k = keepers { snapshot_interval = 10 }
    local logs
    add(k, 12)
    local handle = k:upgrade_vat("main", {})
    helpers.run(k)
    same(handle:values(), { incarnation = 1 })
    k, logs = helpers.reopen(k)
    same(k:images()[1].incarnation, 0)
    same({ (helpers.call(k, "main", "add", 1)) }, { 1 })
    same(notices(logs), "")
    add(k, 12)
    same(k:images()[1].incarnation, 1)
  end)

  it("goes with its vat", function()
    local k = keepers { snapshot_interval = 5 }
    add(k, 12)
    k:terminate_vat("main", "enough")
    helpers.run(k)
    same(#k:images(), 0)
  end)

  it("lets the vat fail alone, with advice, when nothing else can bring it back", function()
    local k = keepers({ snapshot_interval = 10 }, {}, { "main", "other" })
    local logs
    add(k, 12)
    k = changed(k, "DELETE FROM transcript WHERE vat = 1 AND position < 10")
    k, logs = changed(k, "UPDATE image SET hash = 'x' WHERE vat = 1")
    local handle = k:send("main", "add", 1)
    helpers.run(k)
    same(handle:status(), "unresolved")
    helpers.says(helpers.vat(k, "main").fault, { "compacted", "upgrade" })
    helpers.says(notices(logs), "another hash")
    same((helpers.call(k, "other", "add", 2)), 2)
    local upgraded = k:upgrade_vat("main", {})
    helpers.run(k)
    same(upgraded:values(), { incarnation = 1 })
    same((handle:values()), 1)
  end)
end)
