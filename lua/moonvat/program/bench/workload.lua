--- One measurement in this process: a workload, its numbers, a fresh database file.
--
-- Each function gets a table of numbers and the path of the database, and returns its figures. What
-- was measured is checked: a workload that did not do its work raises.

local core = require "moonvat.core"
local moonvat = require "moonvat"

local M = {}

local HERE <const> =
  package.searchpath("moonvat.program.bench.workload", package.path):match("^(.*)/")
local WARM_UP <const> = 200
local PAGE <const> = 4096

--- Seconds that this process was ready to run but had no core, so far.
local function waited()
  local file = io.open("/proc/self/schedstat")
  if not file then
    return 0
  end
  local line = file:read("l")
  file:close()
  return (tonumber(line:match("^%d+ (%d+)")) or 0) / 1e9
end

local function resident_bytes()
  collectgarbage()
  collectgarbage()
  local file <close> = assert(io.open("/proc/self/statm"))
  return tonumber(file:read("l"):match("^%d+ (%d+)")) * PAGE
end

--- Runs body; returns its seconds, and the part of them that the process waited for a core.
local function timed(body)
  local wait, start = waited(), core.clock()
  body()
  local seconds = core.clock() - start
  return seconds, (waited() - wait) / seconds
end

local function open(params, db)
  return moonvat.open {
    db = db,
    commit_every = params.commit,
    vats_online = params.online,
    log = not params.silent and function(entry)
      io.stderr:write(("%s: %s\n"):format(entry.vat, entry.text))
    end or nil,
  }
end

local function expect(what, want, got)
  if want ~= got then
    error(("%s: expected %s, got %s"):format(what, want, got), 2)
  end
end

local function driver_and_target(params, db)
  local k = open(params, db)
  k:launch({
    bootstrap = "driver",
    vats = {
      driver = { source = "vats/driver.lua" },
      target = { source = "vats/target.lua", parameters = { baggage = params.baggage == 1 } },
    },
  }, HERE)
  k:run()
  return k
end

--- Sends one message to the driver, and runs until nothing is left to do; returns the deliveries
--- that this took, and the message's result.
local function drive(k, method, ...)
  local handle = k:send("driver", method, ...)
  local deliveries = k:run()
  expect(method, "fulfilled", handle:status())
  local result = handle:values()
  handle:release()
  return deliveries, result
end

--- Seconds that SQLite alone takes for so many small commits; nil when they do not matter.
local function bare_commits(params, db)
  return params.commit == 1 and core.sqlite_commits(db .. ".bare", params.n)
end

function M.w1(params, db)
  local k <close> = driver_and_target(params, db)
  drive(k, "ping_pong", WARM_UP)
  local before = bare_commits(params, db)
  local deliveries, last
  local seconds, wait = timed(function()
    deliveries, last = drive(k, "ping_pong", params.n)
  end)
  expect("last answer", params.n, last)
  local figures = {
    rounds_s = params.n / seconds,
    deliveries_s = deliveries / seconds,
    wait = wait,
  }
  if before then
    figures.bare_commits_s = 2 * params.n / (before + bare_commits(params, db))
    figures.ratio = figures.deliveries_s / figures.bare_commits_s
  end
  return figures
end

function M.w2(params, db)
  local k <close> = driver_and_target(params, db)
  local method = params.ignore == 1 and "ignore" or "send_only"
  drive(k, method, WARM_UP)
  local deliveries
  local seconds, wait = timed(function()
    deliveries = drive(k, method, params.n)
  end)
  expect("sends that arrived", WARM_UP + params.n, k:call("target", "count"))
  return { sends_s = params.n / seconds, deliveries_s = deliveries / seconds, wait = wait }
end

function M.w3(params, db)
  local k <close> = driver_and_target(params, db)
  local fill = timed(function()
    drive(k, "fill", params.keys)
  end)
  drive(k, "work", 0, 49, params.keys)
  local seconds, wait = timed(function()
    drive(k, "work", 50, 49 + params.n, params.keys)
  end)
  expect("bytes read", 1000, k:call("target", "work", 1, params.keys))
  return {
    delivery_us = seconds * 1e6 / params.n,
    operation_us = seconds * 1e6 / params.n / 20,
    fill_key_us = fill * 1e6 / params.keys,
    wait = wait,
  }
end

local function kids(count)
  local vats = {}
  for i = 1, count do
    vats["kid" .. i] = { source = "vats/target.lua" }
  end
  return vats
end

function M.w4(params, db)
  params.online = params.vats + 10
  local k <close> = open(params, db)
  k:launch({ vats = { warm = { source = "vats/target.lua" } } }, HERE)
  k:commit()
  local before = resident_bytes()
  local seconds, wait = timed(function()
    if params.together == 1 then
      k:launch({ vats = kids(params.vats) }, HERE)
    else
      for i = 1, params.vats do
        k:launch({ vats = { ["kid" .. i] = { source = "vats/target.lua" } } }, HERE)
      end
    end
    k:run()
  end)
  local memory = resident_bytes() - before
  expect("answer of the last vat", 1, k:call("kid" .. params.vats, "increment"))
  return {
    vat_ms = seconds * 1000 / params.vats,
    vat_KiB = memory / 1024 / params.vats,
    wait = wait,
  }
end

--- More vats than there are address ranges, 1,000 in each launch; each has one message.
local function build_many(params, db)
  local k <close> = open(params, db)
  local seconds = timed(function()
    for first = 1, params.vats, 1000 do
      local vats = {}
      for i = first, math.min(first + 999, params.vats) do
        vats["kid" .. i] = { source = "vats/target.lua" }
      end
      for name in pairs(k:launch({ vats = vats }, HERE).vats) do
        k:send(name, "increment"):release()
      end
      k:run()
    end
  end)
  return { seconds = seconds }
end

--- Makes the database that w5 opens: so many vats, so many deliveries each. A new round of messages
--- to all vats begins when the one before is done; `rounds` begin together where there are many.
function M.w5_build(params, db)
  if params.many then
    return build_many(params, db)
  end
  params.online = params.vats + 10
  local k <close> = open(params, db)
  local vats = kids(params.vats)
  vats.driver = { source = "vats/driver.lua" }
  k:launch({ bootstrap = "driver", vats = vats }, HERE)
  k:run()
  local seconds = timed(function()
    for _ = 1, params.deliveries, params.rounds do
      drive(k, "poke_all", params.vats, params.rounds)
    end
  end)
  return { seconds = seconds }
end

--- Each vat has answered once more for each time that the database was opened before.
function M.w5(params, db)
  local count = params.deliveries + params.opened + 1
  local wait, start = waited(), core.clock()
  local k <close> = open({ commit = params.commit }, db)
  local opened = core.clock()
  expect("count", count, k:call("kid" .. params.vats, "increment"))
  local first = core.clock()
  for i = 1, math.min(params.vats - 1, params.asked or math.huge) do
    expect("count", count, k:call("kid" .. i, "increment"))
  end
  local all = core.clock()
  return {
    open_ms = (opened - start) * 1000,
    first_ms = (first - start) * 1000,
    all_ms = (all - start) * 1000,
    wait = (waited() - wait) / (all - start),
  }
end

--- Objects that are passed in a message each and kept by nobody, until their rows are gone.
function M.w6(params, db)
  local k <close> = driver_and_target(params, db)
  drive(k, "churn", params.objects)
  k:collect_garbage()
  local rows = #k:objects()
  local passing, collecting, wait = 0, 0, 0
  for _ = 1, params.rounds do
    local pass, waited_passing = timed(function()
      drive(k, "churn", params.objects)
    end)
    local collect = timed(function()
      k:collect_garbage()
    end)
    expect("objects left", rows, #k:objects())
    passing, collecting = passing + pass, collecting + collect
    wait = math.max(wait, waited_passing)
  end
  local objects = params.objects * params.rounds
  return {
    object_us = (passing + collecting) * 1e6 / objects,
    pass_us = passing * 1e6 / objects,
    collect_us = collecting * 1e6 / objects,
    wait = wait,
  }
end

--- A cluster of the driver and vats of one source; options by name.
local function siblings(k, source, options)
  local vats = { driver = { source = "vats/driver.lua", options = { snapshot_interval = 0 } } }
  for name, given in pairs(options) do
    vats[name] = { source = source, options = given }
  end
  k:launch({ bootstrap = "driver", vats = vats }, HERE)
  k:run()
end

--- Lets a vat's heap grow by so many KiB, in deliveries that hold to a small instruction budget.
local function hold(k, name, KiB)
  local portion <const> = 20
  drive(k, "poke", (KiB + portion - 1) // portion, name, "hold", portion)
  expect("strings held", true, k:call(name, "held") >= KiB)
end

local function median(list)
  table.sort(list)
  return (list[#list // 2 + 1] + list[(#list + 1) // 2]) / 2
end

--- Microseconds of CPU time that a delivery takes, for each of these: n deliveries of one, then of
--- the next, so often.
local function compare(k, rounds, n, each)
  local times = {}
  for round = 0, rounds do
    for i, message in ipairs(each) do
      local start = os.clock()
      drive(k, "poke", n, table.unpack(message))
      times[i] = times[i] or {}
      times[i][round] = (os.clock() - start) * 1e6 / n -- the one at 0 does not count
    end
  end
  return times
end

--- The median of what one took longer than the other, round by round.
local function difference(more, less)
  local list = {}
  for round = 1, #more do
    list[round] = more[round] - less[round]
  end
  return median(list)
end

--- What keeping a way back costs a delivery, and what going back does, on a heap of some size.
function M.w8(params, db)
  params.silent = true
  local k <close> = open(params, db)
  local options = { instruction_budget = 10000, memory_limit = 256 << 20, snapshot_interval = 0,
    reap_interval = 0 }
  siblings(k, "vats/heap.lua", { small = options, large = options })
  hold(k, "large", params.KiB)
  local rounds, n = params.rounds, 200
  local bytes = 1 << 20
  local times = compare(k, rounds, n, {
    { "small", "increment" }, { "large", "increment" },
    { "small", "exceed", bytes }, { "large", "exceed", bytes },
  })
  -- what was undone has not counted
  expect("increments", (rounds + 1) * n + 1, k:call("small", "increment"))
  expect("increments", (rounds + 1) * n + 1, k:call("large", "increment"))
  return {
    keep_us = difference(times[2], times[1]),
    abort_us = difference(times[4], times[2]),
    least_abort_us = difference(times[3], times[1]),
    delivery_us = median(times[2]),
    least_us = median(times[1]),
  }
end

local UNUSED <const> = 1000000000000 -- instructions: more than any delivery has
local OPERATIONS <const> = { "calls", "loops", "tables" }

--- What the limits cost an operation: the same vat without, with the usual time limit, and with an
--- instruction budget that is never used up.
function M.w9(params, db)
  local k <close> = open(params, db)
  local operation = OPERATIONS[params.operation]
  local function options(time_limit, budget)
    return { time_limit = time_limit, instruction_budget = budget, snapshot_interval = 0 }
  end
  siblings(k, "vats/loop.lua",
    { off = options(86400, 0), timed = options(1, 0), budget = options(86400, UNUSED) })
  local times = compare(k, params.rounds, 1, {
    { "off", operation, params.n }, { "timed", operation, params.n },
    { "budget", operation, params.n },
  })
  local off = median(times[1])
  local time, budget = difference(times[2], times[1]), difference(times[3], times[1])
  return {
    off_ns = off * 1000 / params.n,
    time_ns = time * 1000 / params.n,
    time_percent = time / off * 100,
    budget_ns = budget * 1000 / params.n,
    budget_percent = budget / off * 100,
  }
end

--- Seconds that saving an image takes, on a vat that does so as often as it can; and the image's
--- bytes.
local function save_images(params, db)
  local k <close> = open(params, db)
  local function options(interval)
    return { snapshot_interval = interval, memory_limit = 256 << 20, reap_interval = 0 }
  end
  siblings(k, "vats/heap.lua", { saved = options(1), plain = options(0) })
  hold(k, "saved", params.KiB)
  hold(k, "plain", params.KiB)
  local saved, plain, position = {}, {}, k:images()[1].position
  for i = 1, params.calls do
    plain[i] = timed(function()
      expect("count", i, k:call("plain", "increment"))
    end)
    local seconds = timed(function()
      expect("count", i, k:call("saved", "increment"))
    end)
    local latest = k:images()[1].position
    if latest > position then -- a large heap lets some deliveries pass
      position, saved[#saved + 1] = latest, seconds
    end
  end
  return median(saved) - median(plain), k:stats().image_bytes
end

--- Images of heaps: to save one, its size, and to come back from it.
function M.w10(params, db)
  local save, bytes = save_images(params, db)
  local k <close> = open(params, db)
  local function call(i)
    return timed(function()
      expect("count", params.calls + i, k:call("saved", "increment"))
    end)
  end
  local first, wait = call(1)
  return {
    image_KiB = bytes / 1024,
    save_ms = save * 1000,
    load_ms = (first - call(2)) * 1000,
    wait = wait,
  }
end

--- Vats made by the host from a bundle in the database, then upgraded to the same code.
local function many_vats(params, db)
  local k <close> = open(params, db)
  k:install_bundle("target", HERE .. "/vats/target.lua")
  local seconds, wait = timed(function()
    for i = 1, params.vats do
      k:create_vat { name = "kid" .. i, bundle = "target" }
    end
    k:commit()
  end)
  local upgrade = timed(function()
    for _, row in ipairs(k:upgrade_all()) do
      expect("upgrade of " .. row.vat, true, row.ok)
    end
  end)
  return { made_s = params.vats / seconds, upgrade_s = upgrade, wait = wait }
end

--- A vat with so many durable instances, opened again in this process.
local function many_instances(params, db)
  do
    local k <close> = open(params, db)
    k:create_vat {
      name = "shelf", source = HERE .. "/vats/shelf.lua", options = { transcript = false },
    }
    for first = 1, params.instances, 10000 do
      k:call("shelf", "fill", first, math.min(first + 9999, params.instances))
    end
  end
  local before, start = resident_bytes(), core.clock()
  local k <close> = open(params, db)
  local opened = core.clock()
  expect("answer", params.instances // 2 + 1, k:call("shelf", "touch", params.instances // 2))
  return {
    open_ms = (opened - start) * 1000,
    first_ms = (core.clock() - start) * 1000,
    resident_MiB = math.max(before, resident_bytes()) / (1 << 20),
    wait = 0,
  }
end

--- Makes the database of a vat with so many rows of 1 KiB in its vatstore.
function M.w7_build(params, db)
  local k <close> = open(params, db)
  local vatstore = params.paged == 1 and "paged" or "bulk"
  k:create_vat { name = "rows", source = HERE .. "/vats/rows.lua",
    options = { transcript = false, vatstore = vatstore } }
  local seconds = timed(function()
    for first = 1, params.rows, 1000 do
      k:call("rows", "fill", first - 1, math.min(first + 999, params.rows) - 1)
    end
  end)
  return { seconds = seconds }
end

--- That vat, opened: it reads a hundred of its rows.
local function many_rows(params, db)
  local before, start = resident_bytes(), core.clock()
  local k <close> = open(params, db)
  local opened = core.clock()
  expect("bytes read", 100 * 1024, k:call("rows", "read", 100, params.rows))
  local first = core.clock()
  return {
    open_ms = (opened - start) * 1000,
    first_ms = (first - start) * 1000,
    resident_MiB = (resident_bytes() - before) / (1 << 20),
    wait = 0,
  }
end

function M.w7(params, db)
  return (params.vats and many_vats or params.rows and many_rows or many_instances)(params, db)
end

return M
