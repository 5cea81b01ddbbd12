--- Stopping and going on, at every step of a scenario: nothing is lost, nothing happens twice.

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
