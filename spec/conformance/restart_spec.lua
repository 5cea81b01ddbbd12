--- Stopping and going on: what was committed is there again, and nothing happens twice.

local helpers = require "spec.support.helpers"
local kerneltest = require "moonvat.kerneltest"

local same = helpers.same

-- Vats that talk for some 200 cranks: promises before and after they settle, pipelining, awaits,
-- coroutines, closures, rejections, both durable tables, presences kept and dropped.
local SCENARIO = {
  bootstrap = "main",
  vats = {
    main = {
      source = [[
        return function(vat)
          local text = ""
          local make_number = coroutine.wrap(function()
            local n = 0
            while true do n = n + 1; coroutine.yield(n) end
          end)
          return Far("Main", {
            bootstrap = function(self, vats)
              for round = 1, 18 do
                local p, resolve = promise()
                local worked = E(vats.bob):work(round, p)
                local piped = E(E(vats.bob):thing(round)):name()
                resolve(round * 2)
                local ok, e = pcall(await, E(vats.carol):fail(round))
                text = text .. e.message
                vat.baggage["round" .. round] = { await(worked), make_number(), #text }
                vat.vatstore["n" .. round % 5] = tostring(await(piped))
                if round % 3 == 0 then
                  vat.vatstore.n1 = nil
                  E.send_only(vats.bob):forget(round)
                end
                print("round " .. round .. " " .. #text .. " " .. math.random(1000))
              end
              return "done", text
            end,
          })
        end
      ]],
      options = { reap_interval = 13 },
    },
    bob = {
      source = [[
        return function(vat)
          local calls, carol = 0
          return Far("Bob", {
            meet = function(self, x) carol = x end,
            work = function(self, round, p)
              calls = calls + 1
              local sum = await(carol and E(carol):add(round, calls) or 0)
              return sum + await(p) + calls
            end,
            thing = function(self, round)
              local thing = Far("Thing", {
                name = function() calls = calls + 1; return "thing " .. round .. calls end,
              })
              vat.vatstore["thing" .. round] = tostring(calls)
              return thing
            end,
            forget = function(self, round) vat.vatstore["thing" .. round] = nil end,
          })
        end
      ]],
      options = { reap_interval = 9 },
    },
    carol = [[
      return function(vat)
        local total = 0
        return Far("Carol", {
          add = function(self, a, b)
            total = total + a + b
            vat.baggage.total = total
            return total
          end,
          fail = function(self, round) error("failure " .. round .. " at " .. total) end,
        })
      end
    ]],
  },
}

--- Launches the scenario and queues what it begins with; snapshot_interval is of all its vats.
local function begin(open, snapshot_interval)
  local vats = {}
  for name, vat in pairs(SCENARIO.vats) do
    vat = type(vat) == "string" and { source = vat } or vat
    vats[name] = { source = vat.source, options = {
      reap_interval = (vat.options or {}).reap_interval, snapshot_interval = snapshot_interval,
    } }
  end
  local k, logs = helpers.kernel {
    db = true, open = open, bootstrap = SCENARIO.bootstrap, vats = vats,
  }
  k:send("bob", "meet", k:root "carol"):release()
  return k, logs
end

local function finish(k)
  local cranks = 0
  while k:step() do
    cranks = cranks + 1
    assert(cranks < 1000, "the scenario does not end")
  end
  return cranks
end

--- Two dumps, with the first line that differs.
local function same_dump(got, want, what)
  if got == want then
    return
  end
  local wanted = (want .. "\n"):gmatch "(.-)\n"
  for line in (got .. "\n"):gmatch "(.-)\n" do
    local other = wanted()
    if line ~= other then
      same(line, other, what .. ": the first line of the dump that differs")
    end
  end
  same("the end of the dump", wanted(), what)
end

local function texts(logs, from)
  local list = from and table.move(from, 1, #from, 1, {}) or {}
  for _, entry in ipairs(logs.all) do
    list[#list + 1] = ("%s %s: %s"):format(entry.crank, entry.vat, entry.text)
  end
  return list
end

describe("restart: at every step of a scenario of 200 cranks", function()
  after_each(helpers.clean)

  local whole, whole_log, cranks

  before_each(function()
    local k, logs = begin { commit_every = 1000 }
    cranks = finish(k)
    helpers.audit(k)
    whole, whole_log = k:dump(), texts(logs)
    assert(cranks >= 200, "the scenario has only " .. cranks .. " cranks")
    helpers.clean()
  end)

  --- Deletes the images of a database that is not open; how many there were.
  local function delete_images(db)
    local kernel <close> = kerneltest.open(db)
    local count = kernel:sql "SELECT count(*) FROM image"[1][1]
    kernel:sql "DELETE FROM image"
    assert(kernel:commit())
    return count
  end

  --- case: open (options), interval of images, without (they are deleted before the reopening),
  -- stride (it is tried at each so many steps).
  -- An image can be used only where no other heap has its place: the kernel that goes on step by
  -- step is closed meanwhile, when there are images.
  local function try(case)
    local k, logs = begin(case.open, case.interval)
    local db, copy, log, images = helpers.db(k), helpers.folder() .. "/copy.db", {}, 0

    local function check(step)
      local what = "stopped after crank " .. step
      k:commit()
      local dump, stored, so_far = k:dump(), #k:images(), texts(logs, log)
      if case.interval > 0 then
        helpers.close(k)
      end
      helpers.copy_db(db, copy)
      if case.without then
        same(delete_images(copy), stored, what .. ": images that were deleted")
      end
      -- each commit waits for the disk, so not each of the runs to the end has many
      local again, more = helpers.open(copy, {
        commit_every = step % 20 == 0 and case.open.commit_every or 1000,
        vats_online = case.open.vats_online,
      })
      same_dump(again:dump(), dump, what .. ", as opened")
      same(finish(again), cranks - step, what .. ": cranks that were left")
      helpers.audit(again, what)
      same_dump(again:dump(), whole, what)
      same(texts(more, so_far), whole_log, what .. ": the log before and after")
      helpers.close(again)
      images = images + stored
      if case.interval > 0 then
        log = so_far
        k, logs = helpers.open(db, case.open)
      end
    end

    for step = 0, cranks - 1 do
      assert(step == 0 or k:step(), "the scenario ended early, at " .. step)
      if step % (case.stride or 1) == 0 then
        check(step)
      end
    end
    assert((case.interval == 0) == (images == 0), images .. " images were seen")
  end

  for name, case in pairs {
    ["commit_every = 1, no images"] = { open = { commit_every = 1 }, interval = 0 },
    ["commit_every = 1000, no images"] = { open = { commit_every = 1000 }, interval = 0 },
    ["an image at each delivery"] = { open = { commit_every = 1 }, interval = 1 },
    ["an image at each delivery, in blocks, one vat in memory"] = {
      open = { commit_every = 10, vats_online = 1 }, interval = 1, stride = 5,
    },
    ["images now and then, two vats in memory"] = {
      open = { commit_every = 1, vats_online = 2 }, interval = 7, stride = 3,
    },
    ["the images deleted"] = {
      open = { commit_every = 1, vats_online = 1 }, interval = 3, stride = 3, without = true,
    },
  } do
    it("stop after k, reopen, run on, with " .. name, function() try(case) end)
  end

  it("closed and opened again after every step", function()
    local k, logs = begin()
    local log = texts(logs)
    for step = 1, cranks do
      k, logs = helpers.reopen(k)
      helpers.audit(k, "as opened before crank " .. step)
      assert(k:step(), "the scenario ended early, at " .. step)
      log = texts(logs, log)
    end
    same(k:step(), false, "the scenario is over")
    same_dump(k:dump(), whole, "after " .. cranks .. " restarts")
    same(log, whole_log, "the log of all the pieces")
  end)
end)

describe("restart: the Lua heap", function()
  after_each(helpers.clean)

  it("closures, coroutines, awaits and callbacks are alive again", function()
    local k, logs = helpers.kernel {
      db = true,
      vats = {
        main = [[
          return function(vat)
            local count = 0
            local co = coroutine.create(function(a)
              while true do a = coroutine.yield(a * 2) end
            end)
            local p, resolve = promise()
            local list = setmetatable({}, { __index = function(_, key) return key .. "!" end })
            return Far("Main", {
              up = function() count = count + 1; return count end,
              double = function(self, n) return select(2, coroutine.resume(co, n)) end,
              wait = function()
                local before = count
                local value = await(p)
                return before, value, count
              end,
              attach = function()
                p:next(function(v) print("callback " .. v .. " " .. count) end)
              end,
              nested = function()
                local inner = coroutine.wrap(function() return "inner " .. await(p) end)
                return inner()
              end,
              release = function(self, v) resolve(v) end,
              list = function(self, key) list.x = list.x; return list[key], list.x end,
              random = function() return math.random(1000000) end,
            })
          end
        ]],
      },
    }
    local waiting = k:send("main", "wait")
    local nested = k:send("main", "nested")
    helpers.run(k)
    same(helpers.call(k, "main", "up"), 1, "the upvalue")
    same(helpers.call(k, "main", "double", 4), 8, "the coroutine")
    helpers.call(k, "main", "attach")
    helpers.call(k, "main", "list", "a")
    local kref, nested_kref = waiting.kref, nested.kref
    k:launch(helpers.config {
      vats = {
        keeper = [[
          return function(vat)
            return Far("Keeper", {
              keep = function(self, p, q)
                p[1]:next(function(...) print(...) end)
                q[1]:next(function(...) print(...) end)
              end,
            })
          end
        ]],
      },
    })
    helpers.call(k, "keeper", "keep", { k:promise(kref) }, { k:promise(nested_kref) })
    same(logs.main, {}, "main's log before")
    local first = helpers.call(k, "main", "random")
    for i = 2, 4 do
      k, logs = helpers.reopen(k)
      helpers.audit(k)
      same(helpers.call(k, "main", "up"), i, "the upvalue after a restart")
      same(helpers.call(k, "main", "double", i), 2 * i, "the coroutine after a restart")
      same({ helpers.call(k, "main", "list", "b") }, { "b!", "x!" }, "a metatable")
    end
    assert(helpers.call(k, "main", "random") ~= first, "the generator went on")
    helpers.call(k, "main", "release", "released")
    same(logs.main, { "callback released 4" }, "the callback")
    same(logs.keeper, { "0\treleased\t4", "inner released" }, "the awaits")
    helpers.settle(k)
  end)

  it("presences and remotables keep their identity", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        maker = [[
          return function()
            local made = {}
            return Far("Maker", {
              make = function() made[1] = Far("Thing", { id = function() return 7 end })
                return made[1]
              end,
              mine = function(self, x) return x == made[1] end,
            })
          end
        ]],
        main = [[
          return function()
            local held
            return Far("Main", {
              take = function(self, maker) held = await(E(maker):make()) end,
              same = function(self, x) return x == held end,
              give = function() return held end,
              use = function() return await(E(held):id()) end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "take", k:root "maker")
    for _ = 1, 3 do
      k = helpers.reopen(k)
      local held = helpers.call(k, "main", "give")
      same(helpers.call(k, "main", "same", held), true, "the presence")
      same(helpers.call(k, "maker", "mine", held), true, "the remotable")
      same(helpers.call(k, "main", "use"), 7, "a call")
      helpers.settle(k)
    end
  end)
end)

local COUNTER = [[
  return function(vat)
    local heap = 0
    return Far("Counter", {
      up = function()
        heap = heap + 1
        vat.baggage.count = (vat.baggage.count or 0) + 1
        vat.vatstore.count = tostring(vat.baggage.count)
        return heap, vat.baggage.count, vat.vatstore.count, vat.incarnation
      end,
      wait = function() return (promise()) end,
    })
  end
]]

describe("restart: without a transcript", function()
  after_each(helpers.clean)

  it("a vat begins again from vatstore and baggage, as the next incarnation", function()
    local k = helpers.kernel {
      db = true,
      vats = { counter = { source = COUNTER, options = { transcript = false } } },
    }
    local root = tostring(k:root "counter")
    for incarnation = 0, 3 do
      local total = 2 * incarnation + 1
      same({ helpers.call(k, "counter", "up") }, { 1, total, tostring(total), incarnation },
        "first call of incarnation " .. incarnation)
      same({ helpers.call(k, "counter", "up") }, { 2, total + 1, tostring(total + 1), incarnation },
        "second call of incarnation " .. incarnation)
      helpers.settle(k)
      k = helpers.reopen(k)
      same(tostring(k:root "counter"), root, "the root's kref")
    end
  end)

  it("the promises that it decided are rejected VatUpgraded", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        counter = { source = COUNTER, options = { transcript = false } },
        main = [[
          return function()
            return Far("Main", {
              go = function(self, counter)
                E(counter):wait():catch(function(e)
                  print(e.name, e.message, e.incarnation)
                end)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "counter")
    local again, logs = helpers.reopen(k)
    helpers.run(again)
    same(logs.main, { "VatUpgraded\tvat upgraded\t0" }, "main's log")
    helpers.settle(again)
  end)
end)

describe("restart: commits", function()
  after_each(helpers.clean)

  --- How far the counter has come in the last commit: looked up in a copy of the files.
  local function committed(k)
    local copy = helpers.folder() .. "/copy.db"
    helpers.copy_db(helpers.db(k), copy)
    local other = helpers.open(copy)
    local row = helpers.row(other:baggage "counter", "key", "count")
    helpers.close(other)
    return row and row.value or 0
  end

  local function counting(open, n)
    local k = helpers.kernel { db = true, open = open, vats = { counter = COUNTER } }
    k:run()
    for _ = 1, n do
      k:send("counter", "up"):release()
    end
    return k
  end

  it("commit_every = 1 commits each crank", function()
    local k = counting({}, 5)
    for i = 1, 5 do
      k:step()
      same(committed(k), i, "after crank " .. i)
    end
  end)

  it("commit_every = 10 commits every tenth crank", function()
    local k = counting({ commit_every = 10 }, 25)
    k:commit()
    local seen = {} -- what was committed after each crank
    for i = 1, 25 do
      k:step()
      seen[i] = committed(k)
    end
    for i = 2, 25 do
      assert(seen[i] >= seen[i - 1] and seen[i] <= i, helpers.show(seen))
    end
    local distinct = 0
    for i = 2, 25 do
      distinct = distinct + (seen[i] ~= seen[i - 1] and 1 or 0)
    end
    assert(distinct >= 2 and distinct <= 3, "commits, as they were seen: " .. helpers.show(seen))
    assert(k:step() == false)
    same(committed(k), 25, "when there is nothing to do")
  end)

  it("commit_ms commits when the time has passed", function()
    local k = counting({ commit_every = 1000000, commit_ms = 1 }, 1000)
    local started, cranks = os.clock(), 0
    while os.clock() - started < 0.05 do
      k:step()
      cranks = cranks + 1
      if cranks == 900 then break end
    end
    while os.clock() - started < 0.05 do end -- luacheck: ignore
    k:step()
    assert(committed(k) > 0, "nothing was committed after " .. cranks .. " cranks and 50 ms")
  end)

  it("commit(), close() and reading an outcome commit", function()
    local k = counting({ commit_every = 1000000 }, 1)
    k:commit()
    k:step()
    same(committed(k), 0, "before commit()")
    k:commit()
    same(committed(k), 1, "after commit()")
    local handle = k:send("counter", "up")
    k:send("counter", "up"):release()
    k:send("counter", "up"):release()
    k:step()
    k:step()
    same(committed(k), 1, "before the outcome is read")
    handle:values()
    same(committed(k), 3, "after values()")
    k:step()
    k = helpers.reopen(k)
    same(helpers.row(k:baggage "counter", "key", "count").value, 4, "after close()")
  end)

  it("reading an outcome and an idle step commit what a listing wrote before", function()
    local k = counting({ commit_every = 1000000 }, 0)
    k:commit()
    local handle = k:send("counter", "up")
    k:step()
    k:dump() -- writes what changed into the open transaction
    same(committed(k), 0, "after dump()")
    handle:values()
    same(committed(k), 1, "after values()")
    k:send("counter", "up"):release()
    k:step()
    k:dump()
    same(committed(k), 1, "after dump()")
    same(k:step(), false, "the idle step")
    same(committed(k), 2, "after the idle step")
  end)

  it("run() stops at its limit and says how many cranks it did", function()
    local k = counting({ commit_every = 1000000 }, 20)
    same(k:run { cranks = 7 }, 7, "the first part")
    same(committed(k), 7, "run commits")
    same(k:run(), 13, "the rest")
    same(k:run(), 0, "nothing more")
  end)
end)

describe("restart: the database file", function()
  after_each(helpers.clean)

  local function lua(code)
    return helpers.command(("'%s' -e '%s'"):format(arg[-1] or "lua5.4", code))
  end

  it("can be open for writing once; others are told, and may read", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    local open = ('print(pcall(require"moonvat".open, { db = "%s" }))'):format(db)
    helpers.says(lua(open), { "false", db .. " is in use by another process" })
    local here = helpers.raises("a second open in this process", require "moonvat".open,
      { db = db })
    helpers.says(here, "in use")
    local out, err, status = helpers.command(("%s vats %s"):format(helpers.program(), db))
    same({ status, err }, { 0, "" }, "moonvat vats")
    helpers.says(out, { "v1", "counter", "running" })
    local _, refusal, code = helpers.command(("%s call %s counter up"):format(
      helpers.program(), db))
    same(code, 5, "moonvat call while it is open here")
    helpers.says(refusal, "is in use by another process")
    same(select(2, helpers.call(k, "counter", "up")), 2, "nothing was disturbed")
    helpers.close(k)
    helpers.says(lua(open), "true")
  end)

  it("shows readers the last commit", function()
    local k = helpers.kernel {
      db = true, open = { commit_every = 1000000 }, vats = { counter = COUNTER },
    }
    k:run()
    local list = ("%s vatstore %s counter"):format(helpers.program(), helpers.db(k))
    k:send("counter", "up"):release()
    k:send("counter", "up"):release()
    k:step()
    assert(not helpers.command(list):find "count", "what is not committed shows")
    k:commit()
    helpers.says(helpers.command(list), "count")
  end)

  it("that is no database, newer, or another program's is refused and left alone", function()
    local folder = helpers.folder()
    local path = folder .. "/some.db"
    local function refused(content, words)
      helpers.write(path, content)
      helpers.says(helpers.raises("open", require "moonvat".open, { db = path }), words)
      same(helpers.read(path), content, "the file was changed")
    end
    refused(("This is a text about vats.\n"):rep(100), { path, "not a" })

    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local good = helpers.read(db)
    local function with(offset, value)
      return good:sub(1, offset) .. (">I4"):pack(value) .. good:sub(offset + 5)
    end
    refused(with(60, 9999), { path, "newer" })
    refused(with(68, 0x12345678), { path, "not a" })
    refused(with(68, 0), path) -- a database of nobody's, with tables that are not ours
    helpers.raises("open in a folder that is not there", require "moonvat".open,
      { db = folder .. "/nowhere/some.db" })
    helpers.raises("open a folder", require "moonvat".open, { db = folder })
    local again = helpers.open(db)
    same(select(2, helpers.call(again, "counter", "up")), 2, "the good one still opens")
  end)

  it("that is cut short never gives a wrong answer", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    for _ = 1, 20 do
      helpers.call(k, "counter", "up")
    end
    local db = helpers.db(k)
    helpers.close(k)
    local good = helpers.read(db)
    local path = helpers.folder() .. "/cut.db"
    for part = 1, 9 do
      helpers.write(path, good:sub(1, #good * part // 10))
      os.remove(path .. "-wal")
      local ok, result = pcall(function()
        local cut <close> = require "moonvat".open { db = path, log = function() end }
        return select(2, cut:call("counter", "up"))
      end)
      assert(not ok or result == 21, ("cut to %d tenths: %s"):format(part, tostring(result)))
    end
  end)

  it("leaves no file behind but the database itself when it is closed", function()
    local k = helpers.kernel { db = true, vats = { counter = COUNTER } }
    helpers.call(k, "counter", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local out = helpers.command("ls " .. db .. "*")
    for file in out:gmatch "[^\n]+" do
      assert(file == db or file:find "%-lock$", "left behind: " .. file)
    end
  end)

  it(":memory: kernels share nothing", function()
    local a = helpers.kernel { vats = { counter = COUNTER } }
    local b = helpers.kernel { vats = { counter = COUNTER } }
    same({ (helpers.call(a, "counter", "up")), (helpers.call(a, "counter", "up")) }, { 1, 2 }, "a")
    same({ helpers.call(b, "counter", "up") }, { 1, 1, "1", 0 }, "b")
    same({ (helpers.call(a, "counter", "up")) }, { 3 }, "a again")
  end)
end)

describe("restart: a transcript altered by hand", function()
  after_each(helpers.clean)

  it("stops that vat alone, with recorded and got side by side", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        altered = [[
          return function(vat)
            local count = 0
            return Far("Altered", {
              tell = function(self, other)
                count = count + 1
                E.send_only(other):hear("mark" .. "er-AAAA")
              end,
              count = function() return count end,
            })
          end
        ]],
        -- without a transcript of its own, so that the text stands in one transcript only
        other = {
          source = [[
            return function()
              return Far("Other", { hear = function(self, text) print(text) end })
            end
          ]],
          options = { transcript = false },
        },
        witness = COUNTER,
      },
    }
    helpers.call(k, "altered", "tell", k:root "other")
    helpers.call(k, "witness", "up")
    helpers.settle(k)
    local db = helpers.db(k)
    helpers.close(k)
    local text, found = helpers.read(db):gsub("marker%-AAAA", "marker-BBBB")
    assert(found > 0, "the transcript does not hold the text that was sent")
    helpers.write(db, text)
    local again, logs = helpers.open(db)
    local handle = helpers.send(again, "altered", "count")
    helpers.run(again)
    assert(handle:status() ~= "fulfilled", "it answered, from a heap that differs")
    local row = helpers.vat(again, "altered")
    same(row.state, "failed", "its state")
    helpers.says(row.fault, { "marker-AAAA", "marker-BBBB", "recorded", "got" }, "its fault")
    helpers.says(helpers.show(logs.all), { "marker-AAAA", "marker-BBBB" }, "the log")
    same({ helpers.call(again, "witness", "up") }, { 2, 2, "2", 0 }, "another vat, replayed")
    same(logs.other, {}, "what replay sends is not sent again")
  end)

  it("a vat whose bundle was altered fails, and another vat is not in the way", function()
    local k = helpers.kernel { db = true, vats = { altered = COUNTER .. "-- marker-CCCC\n", witness = COUNTER } }
    helpers.call(k, "altered", "up")
    local db = helpers.db(k)
    helpers.close(k)
    local text, found = helpers.read(db):gsub("marker%-CCCC", "marker-DDDD")
    assert(found > 0, "the bundle does not hold the source")
    helpers.write(db, text)
    local again = helpers.open(db)
    local handle = helpers.send(again, "altered", "up")
    helpers.run(again)
    assert(handle:status() ~= "fulfilled", "it answered")
    helpers.says(helpers.vat(again, "altered").fault, { "its bundle ", " is damaged" }, "its fault")
    same((helpers.call(again, "witness", "up")), 1, "another vat")
  end)

  it("a vat whose row is gone does no harm when cycles of objects are looked for", function()
    local k = helpers.kernel {
      db = true,
      vats = {
        owner = { source = [[
          return function()
            return Far("Owner", { give = function(self, other) E(other):keep(Far("Given", {})) end })
          end
        ]] },
        keeper = { source = [[
          return function()
            local kept
            return Far("Keeper", { keep = function(self, x) kept = x end })
          end
        ]] },
      },
    }
    helpers.call(k, "owner", "give", k:root "keeper")
    helpers.settle(k)
    local db = helpers.db(k)
    helpers.close(k)
    helpers.command(("sqlite3 %s \"DELETE FROM vat WHERE name = 'keeper'\""):format(db))
    local again = helpers.open(db)
    again:collect_garbage { cycles = true }
    assert(#again:audit() > 0, "the audit does not tell")
  end)
end)
