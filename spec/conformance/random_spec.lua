--- Random histories against a model that knows who reaches what.
--
-- Four vats make things and promises, pass them about, keep them in tables, in each other, in
-- baggage and in waiting coroutines, and drop them; the host holds, pins, suspends, ends and
-- restarts. A reference always travels with its name, and each vat prints what it holds, so the
-- model hears of all that vat code knows and of nothing that the kernel counts. After every crank
-- the audit is empty and nothing that the model reaches is gone; at the end exactly that is left.
--
-- SEED=n and ROUNDS=n choose other histories than the usual ones, and how many. One that fails is
-- made smaller, as long as it fails, and printed.

local helpers = require "spec.support.helpers"
local pace = require "spec.support.pace"
local model = require "spec.conformance.random.model"

local AGENT, NAMES, generator = model.AGENT, model.NAMES, model.generator
local new_model = model.new_model
local ROUNDS <const> = math.tointeger(tonumber(os.getenv "ROUNDS")) or pace.rounds(100)
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1
local ACTIONS <const> = 110

-- Histories

local Play = {}
Play.__index = Play

local function slot(n)
  return "s" .. n % 5 + 1
end

local function key(n)
  return "b" .. n % 3 + 1
end

local function post(self, to, ...)
  if self.model.vats[to].alive then
    self.k:send(to, ...):release()
  end
end

local function name_of(n)
  return NAMES[n % #NAMES + 1]
end

--- One of the host's holds of this kind.
local function pick(self, kind, n)
  local list = {}
  for _, hold in ipairs(self.model.host) do
    if hold.kind == kind then
      list[#list + 1] = hold
    end
  end
  return list[n % math.max(#list, 1) + 1]
end

local function let_go(self, hold)
  for i, each in ipairs(self.model.host) do
    if each == hold then
      table.remove(self.model.host, i)
    end
  end
  if hold.kind == "handle" then
    hold.handle:release()
  elseif hold.kind == "pin" then
    self.k:unpin(hold.kref)
  end
  hold.ref = nil
end

local function state_of(self, name)
  local row = self.model.vats[name].alive and helpers.vat(self.k, name)
  return row and row.state
end

local ops = {}

function ops.make(self, a, b)
  post(self, name_of(a), "make", slot(b), self.model:new_name "t")
end

function ops.clear(self, a, b)
  post(self, name_of(a), "clear", slot(b))
end

function ops.copy(self, a, b, c)
  post(self, name_of(a), "copy", slot(b), slot(c))
end

function ops.store(self, a, b, c)
  post(self, name_of(a), "store", key(c), slot(b))
end

function ops.unstore(self, a, _, c)
  post(self, name_of(a), "store", key(c), "s9") -- which is always empty
end

-- What a key holds when the message arrives may be another thing than now: so all comes to rest.
function ops.load(self, a, b, c)
  local vat = self.model.vats[name_of(a)]
  self:rest()
  if state_of(self, name_of(a)) ~= "running" then
    return
  end
  post(self, name_of(a), "load", key(c), slot(b), vat.bags[key(c)])
  self:rest()
end

function ops.pass(self, a, b, c)
  if self.model.vats[name_of(c)].alive then
    post(self, name_of(a), "pass", slot(b), self.k:root(name_of(c)), slot(b + c))
  end
end

function ops.give_thing(self, a, b, c)
  post(self, name_of(a), "give_thing", slot(b), slot(c))
end

function ops.have_given(self, a, b, c)
  if self.model.vats[name_of(c)].alive then
    post(self, name_of(a), "have_given", slot(b), self.k:root(name_of(c)), slot(b + c))
  end
end

function ops.ask(self, a, b, c)
  post(self, name_of(a), "ask", slot(b), slot(c), self.model:new_name "p")
end

function ops.open(self, a, b)
  post(self, name_of(a), "open", slot(b), self.model:new_name "p")
end

function ops.settle(self, a, b, c)
  local list = {}
  for name in pairs(self.model.vats[name_of(a)].open) do
    list[#list + 1] = name
  end
  table.sort(list)
  if #list > 0 then
    post(self, name_of(a), "settle", list[b % #list + 1], c % 4 + 1, slot(b), slot(c))
  end
end

function ops.linger(self, a, b, c)
  self.model.count = self.model.count + 1
  post(self, name_of(a), "linger", slot(b), slot(c), tostring(self.model.count))
end

function ops.take(self, a, b)
  if self.model.vats[name_of(a)].alive then
    self.model.count = self.model.count + 1
    local number = tostring(self.model.count)
    local handle = self.k:send(name_of(a), "take", slot(b), number)
    table.insert(self.model.host, { kind = "handle", handle = handle, number = number })
  end
end

--- A handle that is settled with a thing gives its reference.
function ops.value(self, a)
  local hold = pick(self, "handle", a)
  if hold and hold.handle:status() == "fulfilled" then
    local ref = hold.handle:values()
    local name = self.model.took[hold.number]
    if name and self.model.things[name] then
      table.insert(self.model.host, { kind = "ref", ref = ref, name = name })
    end
    let_go(self, hold)
  end
end

function ops.release(self, a, b)
  local hold = pick(self, ({ "ref", "ref", "handle", "pin" })[b % 4 + 1], a)
  if hold then
    let_go(self, hold)
  end
end

function ops.pin(self, a)
  local hold = pick(self, "ref", a)
  if hold then
    self.k:pin(hold.ref)
    table.insert(self.model.host, { kind = "pin", kref = tostring(hold.ref), name = hold.name })
  end
end

function ops.give_back(self, a, b, c)
  local hold = pick(self, "ref", a)
  if hold then
    post(self, name_of(b), "put", slot(c), hold.ref, hold.name)
  end
end

function ops.spin(self, a, b, c)
  local hold = pick(self, "ref", a)
  if hold then
    post(self, name_of(b), "spin", slot(c), hold.ref, hold.name)
  end
end

function ops.suspend(self, a)
  if state_of(self, name_of(a)) == "running" then
    self.k:suspend_vat(name_of(a))
  end
end

function ops.resume(self, a)
  for i = 1, #NAMES do
    if state_of(self, name_of(a + i)) == "suspended" then
      self.k:resume_vat(name_of(a + i))
      return
    end
  end
end

function ops.upgrade(self, a)
  if self.model.vats[name_of(a)].alive then
    self.k:upgrade_vat(name_of(a)):release()
  end
end

function ops.dry_run(self)
  local before = self.k:dump()
  self.k:upgrade_all { dry_run = true }
  if self.k:dump() ~= before then
    error("a dry run of an upgrade changed the dump", 0)
  end
end

function ops.terminate(self, a)
  if self.model.vats[name_of(a)].alive then
    self.model:lose(name_of(a))
    self.model.vats[name_of(a)].bags = {}
    self.model.vats[name_of(a)].alive = false
    self.k:terminate_vat(name_of(a), "its time has come")
  end
end

function ops.restart(self)
  local kept = {}
  for _, hold in ipairs(self.model.host) do
    if hold.kind == "pin" then
      kept[#kept + 1] = hold
    end
  end
  self.model.host = kept
  local k, logs = helpers.reopen(self.k, { commit_every = self.commit_every })
  self.k, self.logs, self.heard = k, logs, 0
end

function ops.collect(self)
  self.k:collect_garbage()
end

function ops.collect_cycles(self)
  self.k:collect_garbage { cycles = true }
end

function ops.commit(self)
  self.k:commit()
end

local OPS <const> = {}
for op, weight in pairs {
  make = 10, clear = 7, copy = 3, store = 4, unstore = 2, load = 3, pass = 10, give_thing = 6,
  have_given = 3, ask = 5, open = 4, settle = 5, linger = 3, take = 5, value = 4, release = 4,
  pin = 2, give_back = 4, spin = 1, suspend = 2, resume = 3, restart = 3, upgrade = 1, dry_run = 1,
  collect = 2, collect_cycles = 2, commit = 1,
} do
  for i = 1, weight do
    OPS[#OPS + 1] = op .. " " .. i
  end
end
table.sort(OPS)
for i, text in ipairs(OPS) do
  OPS[i] = text:match "%S+"
end

local function new_history(seed)
  local random = generator(seed)
  local history = { seed = seed, commit_every = ({ 1, 3, 1000 })[random(3)] }
  local ends = random(4) > 1 and random(ACTIONS) or 0
  for i = 1, ACTIONS do
    history[i] = { op = OPS[random(#OPS)], random(1000), random(1000), random(1000),
      cranks = random(3) == 1 and random(12) - 1 or random(3) - 1 }
    if i == ends then
      history[i].op = "terminate"
    end
  end
  return history
end

--- Hears what vats said, then checks that all is well and nothing that lives is gone.
function Play:check()
  while self.heard < #self.logs.all do
    self.heard = self.heard + 1
    local entry = self.logs.all[self.heard]
    if entry.level == "print" then
      self.model:hear(entry)
    end
  end
  local problems = self.k:audit()
  if #problems > 0 then
    error("audit: " .. helpers.show(problems), 0)
  end
  for _, hold in ipairs(self.model.host) do
    if hold.kind == "handle" then
      hold.name = self.model.took[hold.number]
      hold.name = hold.name and hold.handle:status() == "fulfilled" and hold.name or nil
    end
  end
  local owners = {}
  for _, row in ipairs(self.k:objects()) do
    owners[row.interface] = row.owner or "nobody"
  end
  for name in pairs(self.model:reached()) do
    if not owners[name] then
      error(("%s lives and was collected"):format(name), 0)
    end
  end
  return owners
end

function Play:step()
  local more = self.k:step()
  self:check()
  return more
end

function Play:rest()
  local cranks = 0
  while self:step() do
    cranks = cranks + 1
    if cranks > 20000 then
      error("the queue never becomes empty", 0)
    end
  end
end

--- Exactly what the model reaches has a row.
function Play:exact(what)
  collectgarbage()
  collectgarbage()
  self:rest()
  self.k:collect_garbage { cycles = true }
  local owners = self:check()
  local wanted = self.model:reached()
  for name, owner in pairs(owners) do
    if name ~= "Agent" and wanted[name] == nil then
      local kref = helpers.row(self.k:objects(), "interface", name).kref
      error(("%s, %s (%s, owner %s) is left, held by %s"):format(what, name, kref, owner,
        helpers.show(self.k:holders(kref))), 0)
    end
  end
end

function Play:finish()
  for _ = 1, #NAMES do
    ops.resume(self, 0)
  end
  self:rest()
  for _ = 1, 5 do
    for name, vat in pairs(self.model.vats) do
      for promise in pairs(vat.open) do
        post(self, name, "settle", promise, 4)
      end
    end
    self:rest()
  end
  self:exact "at rest"
  -- every reference is the one that its holder says
  for name, vat in pairs(self.model.vats) do
    for place, held in pairs(vat.slots) do
      local handle = self.k:send(name, "call", place)
      self:rest()
      local ok, answer = pcall(handle.values, handle)
      local thing = self.model.things[held]
      local want = not thing and "a promise" or thing.owner and held or "gone"
      if (ok and answer or "gone") ~= want then
        error(("%s's %s should be %s (%s), but says %s"):format(name, place, held, want,
          tostring(answer)), 0)
      end
      handle:release()
    end
  end
  self:exact "when all was called"
  while self.model.host[1] do
    let_go(self, self.model.host[1])
  end
  self:exact "when the host has let go"
  local promises = self.k:promises()
  if #promises > 0 then
    error("promises are left: " .. helpers.show(promises) .. " the first is held by "
      .. helpers.show(self.k:holders(promises[1].kref)), 0)
  end
  for name, vat in pairs(self.model.vats) do
    for place in pairs(vat.slots) do
      post(self, name, "clear", place)
    end
    for place in pairs(vat.bags) do
      post(self, name, "store", place, "s9")
    end
  end
  self:exact "when all has let go"
end

local function play(history, steps)
  local vats = {}
  for _, name in ipairs(NAMES) do
    vats[name] = { source = AGENT, options = { reap_interval = #name + history.seed % 11,
      instruction_budget = 100000, transcript = name ~= "dan" } }
  end
  local k, logs = helpers.kernel { db = true, vats = vats,
    open = { commit_every = history.commit_every } }
  local self = setmetatable({ k = k, logs = logs, heard = 0, model = new_model(),
    commit_every = history.commit_every }, Play)
  for i, action in ipairs(history) do
    self.at = i
    ops[action.op](self, action[1], action[2], action[3])
    self:check()
    for _ = 1, action.cranks do
      self:step()
    end
  end
  self.at = nil
  self:finish()
  if steps then
    steps.cranks = (steps.cranks or 0) + self.k:stats().cranks
  end
end

--- Why a history fails, or nil.
local function failure(history, steps)
  local ok, problem = xpcall(play, function(problem)
    return type(problem) == "string" and not problem:find "^[^\n]*_spec%.lua:%d" and problem
      or debug.traceback(tostring(problem))
  end, history, steps)
  helpers.clean()
  return not ok and problem or nil
end

local function without(history, first, count)
  local smaller = { seed = history.seed, commit_every = history.commit_every }
  for i, action in ipairs(history) do
    if i < first or i >= first + count then
      smaller[#smaller + 1] = action
    end
  end
  return smaller
end

local function shrink(history, problem)
  local size, tries = #history // 2, 0
  while size >= 1 do
    local first, any = 1, false
    while first <= #history and tries < 1000 do
      tries = tries + 1
      local smaller = without(history, first, size)
      local why = failure(smaller)
      if why then
        history, problem, any = smaller, why, true
      else
        first = first + size
      end
    end
    size = not (any and size == 1) and size // 2 or size
    size = tries < 1000 and size or 0
  end
  return history, problem
end

local function text_of(history)
  local lines = {}
  for i, action in ipairs(history) do
    lines[i] = ("{ op = %q, %d, %d, %d, cranks = %d }, -- %s"):format(action.op, action[1],
      action[2], action[3], action.cranks, name_of(action[1]))
  end
  return table.concat(lines, "\n  ")
end

describe("random histories", function()
  after_each(helpers.clean)

  it("keep the books right and collect exactly what nobody reaches", function()
    local steps = {}
    for seed = SEED, SEED + ROUNDS - 1 do
      local history = new_history(seed)
      local problem = failure(history, steps)
      if problem then
        local small, why = shrink(history, problem)
        error(("SEED=%d, commit_every = %d: %s\n  %s"):format(seed, history.commit_every, why,
          text_of(small)), 0)
      end
    end
    assert(steps.cranks > ROUNDS * 50, "hardly anything has happened")
  end)
end)
