--- Random cranks, played on several kernels at once that must stay alike.
--
-- The same sends, outcomes, faults and host's doings go to every kernel; each may be opened again,
-- flushed in the middle of a crank, or be told less of a crank that is undone, as its options say,
-- and none of it may show. What the vats know is kept here, so that most syscalls are legal ones.
-- Options of a kernel: commit_every, reopen (chance), flush (chance in a crank), terse (an undone
-- crank is told as its fault alone), path.

local play = require "spec.support.play"
local asking = require "spec.support.lottery_acts"

local new_promise, acts, LEGAL = asking.new_promise, asking.acts, asking.LEGAL
local ILLEGAL = asking.ILLEGAL

local M = {}

local Lottery = {}

Lottery.__index = Lottery

function Lottery:chance(share)
  return self.random() < share
end

function Lottery:roll(n)
  return math.floor(self.random() * n) + 1
end

--- One of a set's keys, or of those that a filter takes.
function Lottery:pick(set, filter)
  local list = {}
  for key, value in pairs(set) do
    if not filter or filter(key, value) then
      list[#list + 1] = key
    end
  end
  if #list > 0 then
    table.sort(list)
    return list[self:roll(#list)]
  end
end

-- What a vat knows: its vrefs ("live", or "dropped" imports), and which promises it decides.

local function new_vat(options)
  return { known = { ["o+0"] = "live" }, decided = {}, exports = 0, promises = 0,
    options = options, keys = {} }
end

local function copy(vat)
  local other = {}
  for key, value in pairs(vat) do
    other[key] = value
  end
  for _, name in ipairs { "known", "decided", "keys" } do
    other[name] = {}
    for key, value in pairs(vat[name]) do
      other[name][key] = value
    end
  end
  return other
end

local function learn(vat, delivery)
  local function slots(list)
    for _, vref in ipairs(list or {}) do
      vat.known[vref] = "live"
    end
  end
  slots(delivery.slots)
  if delivery.target then
    vat.known[delivery.target] = "live"
  end
  if delivery.result then
    vat.known[delivery.result] = "live"
    vat.decided[delivery.result] = true
  end
  for _, settlement in ipairs(delivery.settlements or {}) do
    slots(settlement.slots)
  end
  for _, settlement in ipairs(delivery.settlements or {}) do
    vat.known[settlement.promise] = nil
  end
  if delivery.kind == "drop_exports" then
    for _, vref in ipairs(delivery.refs) do
      vat.known[vref] = "dropped"
    end
  elseif delivery.refs then
    for _, vref in ipairs(delivery.refs) do
      vat.known[vref] = nil
    end
  end
end

-- Syscalls

function Lottery:new_export(vat)
  vat.exports = vat.exports + 1
  local vref = self:chance(0.1) and ("o+d1/%d"):format(vat.exports) or "o+" .. vat.exports
  vat.known[vref] = "live"
  return vref .. (self:chance(0.5) and " Thing" or "")
end

local function live(_, state)
  return state == "live"
end

function Lottery:any(vat)
  return self:pick(vat.known, live)
end

function Lottery:values(vat)
  local list = {}
  for i = 1, self:roll(4) - 1 do
    local what = self:roll(8)
    list[i] = what == 1 and self:new_export(vat) or what == 2 and new_promise(vat, true)
      or what < 7 and self:any(vat) or self:roll(100)
  end
  if self:chance(0.02) then
    for i = #list + 1, 60 do
      list[i] = self:any(vat) or i
    end
  end
  return list
end

function Lottery:change(vat)
  local key = "k" .. self:roll(6)
  local durable = self:chance(0.5)
  local id = (durable and "d" or "v") .. key
  local change = { space = durable and "durable" or "vatstore", key = key,
    before = vat.keys[id] }
  if not self:chance(0.3) then
    change.after = durable and "\x81" .. string.char(self:roll(20)) or "value" .. self:roll(99)
  end
  vat.keys[id] = change.after
  return change
end

--- An outcome; and in its field undone what a terse kernel is told.
function Lottery:outcome(vat)
  local outcome = { syscalls = {}, changes = {} }
  for _ = 1, self:roll(7) - 1 do
    outcome.syscalls[#outcome.syscalls + 1] =
      acts[LEGAL[self:roll(#LEGAL)]](self, vat) or nil
  end
  for _ = 1, self:roll(3) - 1 do
    outcome.changes[#outcome.changes + 1] = self:change(vat)
  end
  local what = self.random()
  if what < self.illegal then
    local bad = ILLEGAL[self:roll(#ILLEGAL)](vat, self)
    outcome.syscalls[#outcome.syscalls + 1] = bad
    outcome.undone = { syscalls = { { drop_imports = { "o-999" } } } }
  elseif what < self.illegal + 0.005 then
    outcome.syscalls[#outcome.syscalls + 1] = { exit = true, failure = true }
    outcome.undone = { syscalls = { { exit = true, failure = true } } }
  elseif what < self.illegal + 0.01 then
    outcome.syscalls[#outcome.syscalls + 1] = { exit = true }
    outcome.ends = true
  elseif what < self.illegal + 0.06 then
    outcome.fault = ({ "time", "memory", "instructions", "broken" })[self:roll(4)]
    outcome.reason = "a fault"
    outcome.undone = { fault = outcome.fault, reason = outcome.reason }
  end
  return outcome
end

-- Kernels

function Lottery:each(act)
  local first
  for i, k in ipairs(self.kernels) do
    local result = act(k, k.options)
    if i == 1 then
      first = result
    elseif result ~= first then
      self:fail(("kernel %d gives %s and the first %s for %s"):format(i, tostring(result),
        tostring(first), self.doing))
    end
  end
  return first
end

--- In a kernel that was opened again what only the host held has gone already.
function Lottery:all_have(kref)
  for _, k in ipairs(self.kernels) do
    if not k:exists(kref) then
      return false
    end
  end
  return true
end

function Lottery:fail(why)
  error(("with seed %d, at crank %d: %s"):format(self.seed, self.cranks, why), 0)
end

function Lottery:start()
  local policies = { "reject", "suspend", "terminate" }
  local options = { on_fault = policies[self:roll(3)], parameters = {},
    reap_interval = self:roll(20) }
  for _ = 1, self:roll(3) - 1 do
    local kref = self:pick(self.roots)
    options.parameters[#options.parameters + 1] = kref and self:all_have(kref) and kref or nil
  end
  local good = self:chance(0.7)
  local id = self:each(function(k)
    k:start_begin()
    local delivery = k:start_vat("vat", options)
    k.started = delivery
    return delivery.vat
  end)
  local vat = new_vat(options)
  learn(vat, self.kernels[1].started)
  local outcome = { interface = "Root", syscalls = {}, changes = {} }
  for _ = 1, self:roll(3) do
    outcome.syscalls[#outcome.syscalls + 1] = acts.send(self, vat)
  end
  if not good then
    local bad = ILLEGAL[self:roll(#ILLEGAL)](vat, self)
    outcome.syscalls[#outcome.syscalls + 1] = self:chance(0.5) and bad or nil
  end
  self:each(function(k)
    local finished = k:start_finish(outcome)
    k:start_end(good and finished)
    return finished
  end)
  if good then
    self.vats[id] = vat
    self.roots[self:each(function(k) return k:root(id) end)] = id
  end
end

function Lottery:forget(id)
  self.vats[id] = nil
end

local host = {}

function host:send()
  local list = { self:pick(self.roots) }
  for kref in pairs(self.held) do
    list[#list + 1] = kref
  end
  table.sort(list)
  local function one()
    local kref = #list > 0 and list[self:roll(#list)]
    return kref and self:all_have(kref) and kref
  end
  local target, argument = one(), one()
  if not target then
    return
  end
  local arguments = argument and { argument, self:roll(9) } or { true }
  local result = self:each(function(k) return k:send(target, "h" .. self.cranks, arguments) end)
  self.held[result] = (self.held[result] or 0) + 1
end

function host:release()
  local kref = self:pick(self.held)
  if kref then
    self.held[kref] = self.held[kref] > 1 and self.held[kref] - 1 or nil
    self:each(function(k) k:release(kref) end)
  end
end

function host:hold()
  local kref = self:pick(self.roots)
  if kref and self:all_have(kref) then
    self.held[kref] = (self.held[kref] or 0) + 1
    self:each(function(k) k:hold(kref) end)
  end
end

function host:pin()
  local kref = self:pick(self.roots)
  if kref and self:all_have(kref) then
    self:each(function(k) k:pin(kref) end)
  end
end

function host:unpin()
  local kref = self:pick(self.roots)
  return kref and self:each(function(k) return k:unpin(kref) end)
end

function host:suspend()
  local id = self:pick(self.vats)
  return id and self:each(function(k) return k:suspend(id) end)
end

function host:resume()
  local ids = {}
  for id in pairs(self.vats) do
    ids[#ids + 1] = id
  end
  table.sort(ids)
  for _, id in ipairs(ids) do
    self:each(function(k) return k:resume(id) end)
  end
end

function host:terminate()
  local id = self:pick(self.vats)
  if id then
    self:each(function(k) return k:terminate(id) end)
    self:forget(id)
  end
end

local HOST <const> = { "send", "send", "send", "send", "send", "release", "release", "hold",
  "pin", "unpin", "suspend", "resume", "resume" }

--- A kernel is closed and opened again; the others let go of what the host holds, as it does.
function Lottery:maybe_reopen()
  for _, k in ipairs(self.kernels) do
    if k.options.reopen and self:chance(k.options.reopen) then
      k:reopen()
      for _, other in ipairs(self.kernels) do
        for kref, count in pairs(other ~= k and self.held or {}) do
          for _ = 1, count do
            other:release(kref)
          end
        end
      end
      self.held = {}
    end
  end
end

--- Vats that ended are no more to be reckoned with.
function Lottery:bury(id)
  local state = self.kernels[1]:value(("SELECT state FROM vat WHERE id = %s"):format(id:sub(2)))
  if state == "terminated" then
    self:forget(id)
  end
end

function Lottery:crank()
  self.cranks = self.cranks + 1
  local delivery
  local step = self:each(function(k)
    local step, got = k:begin()
    if step == "stopped" then
      self:fail("stopped: " .. k:stopped())
    end
    delivery = delivery or got
    if got and play.line(got) ~= play.line(delivery) then
      self:fail("delivers " .. play.line(got) .. "\nand " .. play.line(delivery))
    end
    return step
  end)
  if step ~= "deliver" then
    return step == "done"
  end
  if self:chance(0.01) then
    self:each(function(k) k:cannot_load("no such file") end)
    return true
  end
  local id = delivery.vat
  local vat = copy(self.vats[id])
  learn(vat, delivery)
  local outcome = self:outcome(vat)
  self.doing = require("pl.pretty").write(outcome)
  local kept = self:each(function(k, options)
    if options.flush and self:chance(options.flush) then
      k:sql "SELECT 1"
    end
    return k:finish(options.terse and outcome.undone or outcome)
  end)
  if kept == (outcome.undone ~= nil) then
    self:fail(kept and "an illegal crank was kept: " .. play.line(delivery)
      or "a legal crank was undone: " .. tostring(self.kernels[1]:value(
        "SELECT fault FROM vat WHERE id = " .. id:sub(2))))
  end
  if kept then
    self.vats[id] = vat
  end
  if outcome.ends or not kept then
    self:bury(id)
  end
  return true
end

function Lottery:compare()
  local first = self.kernels[1]:dump()
  for i = 2, #self.kernels do
    local other = self.kernels[i]:dump()
    if other ~= first then
      local one, two = first:gmatch "[^\n]+", other:gmatch "[^\n]+"
      local a, b
      repeat
        a, b = one(), two()
      until a ~= b
      self:fail(("kernel %d's dump has\n%s\nwhere the first has\n%s"):format(i, tostring(b),
        tostring(a)))
    end
  end
end

function Lottery:audit()
  for _, k in ipairs(self.kernels) do
    local problems = k:audit()
    if problems ~= "" then
      self:fail("the audit says:\n" .. problems)
    end
  end
end

--- Plays this many cranks; audit_every and compare_every count them.
function Lottery:play(count)
  local idle = 0
  while self.cranks < count do
    if self:chance(0.3) or idle > 2 then
      self.doing = HOST[self:roll(#HOST)]
      host[self.doing](self)
      idle = 0
    end
    if self:chance(0.004) then
      host.terminate(self)
    end
    if not next(self.vats) or self:chance(0.015) then
      self:start()
    end
    idle = self:crank() and 0 or idle + 1
    for _, k in ipairs(self.kernels) do
      if k.options.commit_every and self.cranks % k.options.commit_every == 0 then
        assert(k:commit(), k:stopped())
      end
    end
    if self.cranks % self.audit_every == 0 then
      self:audit()
    end
    if self.cranks % self.compare_every == 0 then
      self:compare()
    end
    self:maybe_reopen()
  end
  self:audit()
  self:compare()
end

local function generator(seed)
  local state = seed * 2654435761 % 4294967296 + 1
  return function()
    state = state ~ (state << 13) & 0xffffffffffff
    state = state ~ (state >> 7)
    state = state ~ (state << 17) & 0xffffffffffff
    return (state & 0xffffffff) / 4294967296.0
  end
end

--- options: seed, kernels (a list of options), illegal (share of cranks), audit_every,
-- compare_every.
function M.new(options)
  local self = setmetatable({
    seed = options.seed, random = generator(options.seed), kernels = {}, vats = {}, roots = {},
    held = {}, cranks = 0, illegal = options.illegal or 0.05,
    audit_every = options.audit_every or 1, compare_every = options.compare_every or 1,
  }, Lottery)
  for i, settings in ipairs(options.kernels) do
    local k = play.open(settings.reopen and play.path() or nil)
    k.options = settings
    self.kernels[i] = k
  end
  for _ = 1, 4 do
    self:start()
  end
  return self
end

return M
