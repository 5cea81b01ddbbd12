--- A history that is played again and again while something fails, and the judge of what is left.
--
--   local ordeal = require("spec.support.ordeal").new(path)  -- plays it once, undisturbed
--   local run = ordeal:play()                                -- plays it; nothing is raised
--   ordeal:judge(run, "the 17th write")                      -- opens what is on disk, and raises
--
-- The history is a list of steps that is the same each time: what a host does (launch, send,
-- upgrade, terminate), single cranks, and commits. The judge holds that the file is whole, that it
-- is as one of the commits left it, that this is the last one that was acknowledged or the one
-- that was tried after it, and that from there the kernel comes to the same end as undisturbed.

local faulty = require "moonvat.faulty"
local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local M = {}

local Ordeal = {}
Ordeal.__index = Ordeal

local OPTIONS <const> = { snapshot_interval = 5, reap_interval = 4, memory_limit = 4 << 20 }

local VATS <const> = {
  main = [[
    return function(vat)
      local rounds, kept = 0, {}
      return Far("Main", {
        bootstrap = function(self, vats)
          vat.baggage.ledger = vats.ledger
          vat.baggage.guest = vats.guest
          vat.watch(E(vats.guest):wait(), self, "told")
        end,
        told = function(self, ok, value) vat.baggage.told = tostring(ok) .. tostring(value) end,
        work = function(self, n)
          rounds = rounds + n
          local ledger = vat.baggage.ledger
          local entry = E(ledger):enter("round " .. rounds, ("x"):rep(200 * n))
          local text = await(E(entry):text())
          kept[n] = entry
          kept[n - 2] = nil
          vat.baggage["round" .. n] = { text, rounds }
          return text
        end,
      })
    end
  ]],
  ledger = [[
    return function(vat)
      local make = vat.kind("Entry", {
        text = function(self) return self.words end,
      })
      return Far("Ledger", {
        enter = function(self, words, body)
          local count = tonumber(vat.vatstore.count or "0") + 1
          vat.vatstore.count = tostring(count)
          vat.vatstore["body" .. count % 3] = body
          vat.vatstore["body" .. (count + 1) % 3] = nil
          return make { words = words .. " " .. vat.incarnation }
        end,
      })
    end
  ]],
  guest = [[
    return function(vat)
      local p = promise()
      return Far("Guest", { wait = function() return p end })
    end
  ]],
}

local function send(n)
  return function(k)
    k:send("main", "work", n):release()
  end
end

local function launch(k, ordeal)
  k:launch(ordeal.config, ordeal.folder).bootstrap:release()
end

local function upgrade(k)
  k:upgrade_vat("ledger", {}):release()
end

local function terminate(k)
  k:terminate_vat("guest", "enough")
end

local function crank(k)
  assert(k:step(), "the history ends early")
end

local function rest(k)
  assert(not k:step(), "the history does not end")
end

local function commit(k)
  k:commit()
end

local function collect(k)
  k:collect_garbage()
end

local ACTS <const> = { launch, send(1), upgrade, send(2), terminate, send(3) }
local COMMITS <const> = { [rest] = true, [commit] = true, [collect] = true }
local CRANKS_TO_COMMIT <const> = 3

--- Finds the steps, and what the kernel looks like after each.
local function record(self)
  local k <close> = self:open()
  self.dumps[0] = k:dump()
  local function add(act)
    self.steps[#self.steps + 1] = act
    self.dumps[#self.steps] = k:dump()
  end
  for _, act in ipairs(ACTS) do
    act(k, self)
    add(act)
    local cranks = 0
    while k:step() do
      add(crank)
      cranks = cranks + 1
      if cranks % CRANKS_TO_COMMIT == 0 then
        commit(k)
        add(commit)
      end
    end
    add(rest)
  end
  collect(k)
  add(collect)
end

--- The path is that of a database which is not there yet.
function M.new(path)
  local self = setmetatable({ path = path, steps = {}, dumps = {} }, Ordeal)
  local vats = {}
  for name, source in pairs(VATS) do
    vats[name] = { source = source, options = OPTIONS }
  end
  self.config, self.folder = helpers.config { bootstrap = "main", vats = vats }
  record(self)
  helpers.remove_db(path)
  return self
end

--- Time stands still, so that the same is written each time.
function Ordeal:open()
  return moonvat.open { db = self.path, commit_every = 1000000, clock = function() return 1e9 end }
end

--- Plays all of it, or until something fails: { reached, acknowledged, tried, reason }, where the
-- first three are numbers of steps, and -1 stands for no kernel at all. note(acknowledged, tried)
-- is called when one of them may have changed. References are let go of at the end of all, not when
-- this program's collector comes by: a history has as many operations each time.
function Ordeal:play(note)
  note = note or rawequal
  collectgarbage()
  collectgarbage "stop"
  local run = { reached = -1, acknowledged = -1, tried = 0 }
  local k
  local ok, reason = pcall(function()
    k = self:open()
    run.reached, run.acknowledged = 0, 0
    for i, act in ipairs(self.steps) do
      run.tried = COMMITS[act] and i or run.tried
      note(run.acknowledged, run.tried)
      act(k, self)
      run.reached = i
      run.acknowledged = COMMITS[act] and i or run.acknowledged
      note(run.acknowledged, run.tried)
    end
  end)
  if k then
    local closed, why = pcall(k.close, k)
    ok, reason = ok and closed, reason or why
  end
  collectgarbage "restart"
  run.reason = not ok and tostring(reason) or nil
  return run
end

--- The step that the kernel is at, among those that it may be at.
local function find_step(self, run, dump, what)
  for _, i in ipairs { run.tried, math.max(run.acknowledged, 0) } do
    if dump == self.dumps[i] then
      return i
    end
  end
  if self.steps[run.tried] == collect then
    return #self.steps - 1 -- it commits more than once
  end
  for i = #self.steps, 0, -1 do
    if dump == self.dumps[i] then
      error(("%s: the database is at step %d, but %d was acknowledged, and %d tried"):format(
        what, i, run.acknowledged, run.tried), 0)
    end
  end
  error(("%s: the database is at no step (%d was acknowledged, and %d tried):\n%s"):format(
    what, run.acknowledged, run.tried, dump), 0)
end

--- Each counter of a dump by its name.
local function counters(dump)
  local list = {}
  for name, number in dump:match "^counters\n(.-)\n%S":gmatch "  (%l+) (%d+)" do
    list[name] = tonumber(number)
  end
  return list
end

--- An error left a step in its middle, and close committed that: at least no number went back.
local function check_progress(self, run, dump, what)
  local now = counters(dump)
  for name, number in pairs(counters(self.dumps[math.max(run.acknowledged, 0)])) do
    assert(now[name] >= number, ("%s: counter %s is %d, and was %d"):format(what, name, now[name], number))
  end
end

--- Goes on from there, and comes to the same end.
local function finish(self, k, from, what)
  for i = from + 1, #self.steps do
    if self.steps[i] ~= commit then
      self.steps[i](k, self)
    end
  end
  helpers.same(k:audit(), {}, what .. ": the audit at the end")
  helpers.same(k:dump(), self.dumps[#self.steps], what .. ": the end")
end

--- Looks at what is on disk, and raises when it is not as it should be. Removes it.
function Ordeal:judge(run, what)
  what = ("%s (%s)"):format(what, run.reason or "went on")
  local k <close> = self:open()
  local dump = k:dump()
  helpers.same(k:audit(), {}, what .. ": the audit")
  helpers.same(faulty.query(self.path, "PRAGMA integrity_check"), "ok", what)
  if run.interrupted then
    check_progress(self, run, dump, what)
    k:collect_garbage()
    helpers.same(k:audit(), {}, what .. ": the audit at the end")
  else
    finish(self, k, find_step(self, run, dump, what), what)
  end
  k:close()
  helpers.remove_db(self.path)
end

return M
