--- One measurement in this process: a workload, its numbers, a fresh database file.
--
-- Each function gets a table of numbers and the path of the database, and returns its figures. What
-- was measured is checked: a workload that did not do its work raises.

local core = require "moonvat.core"
local moonvat = require "moonvat"

local M = {}

local HERE <const> = package.searchpath("moonvat.host.bench.workload", package.path):match("^(.*)/")
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
    log = function(entry)
      io.stderr:write(("%s: %s\n"):format(entry.vat, entry.text))
    end,
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

--- Makes the database that w5 opens: so many vats, so many deliveries each.
function M.w5_build(params, db)
  local k <close> = open(params, db)
  local vats = kids(params.vats)
  vats.driver = { source = "vats/driver.lua" }
  k:launch({ bootstrap = "driver", vats = vats }, HERE)
  k:run()
  local seconds = timed(function()
    for _ = 1, params.deliveries do
      drive(k, "poke_all", params.vats)
    end
  end)
  return { seconds = seconds }
end

function M.w5(params, db)
  local wait, start = waited(), core.clock()
  local k <close> = open({ commit = params.commit }, db)
  local opened = core.clock()
  expect("count", params.deliveries + 1, k:call("kid" .. params.vats, "increment"))
  local first = core.clock()
  for i = 1, params.vats - 1 do
    expect("count", params.deliveries + 1, k:call("kid" .. i, "increment"))
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

function M.w7(params, db)
  return (params.vats and many_vats or many_instances)(params, db)
end

return M
