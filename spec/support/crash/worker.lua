--- The process that is killed: worker.lua DB OUTSIDE FOLDER SEED NEXT LAUNCHED INTERVAL.
--
-- It opens the database, brings it to rest and tells what the vats hold; then it works, with
-- operations numbered from NEXT on, until it is killed. What it says, a line each:
--
--   at MOMENT                 it is about to do this: open, rest, launch, work, effect,
--                             close, upgrade, collect
--   do NUMBER NAME ARG ...    it is about to ask for this operation
--   ok                        all that it asked for is durable
--   fact NAME VALUE           at rest
--   rested SIZE               these were all; and the outside's file has so many bytes
--   wrong TEXT                it has found something wrong by itself, and ends

local core = require "moonvat.core"
local moonvat = require "moonvat"

local DB <const>, OUTSIDE <const>, FOLDER <const> = arg[1], arg[2], arg[3]
local INTERVAL <const> = math.tointeger(tonumber(arg[7]))
local CLOSED <const> = 0.02 -- how many of the turns close and open again

local state = math.tointeger(tonumber(arg[4])) * 2654435761 + 88172645463325252

local function roll(n)
  state = state ~ (state << 13)
  state = state ~ (state >> 7)
  state = state ~ (state << 17)
  return (state >> 11) % n + 1
end

local function one_of(list)
  return list[roll(#list)]
end

local function say(...)
  io.stdout:write(table.concat({ ... }, " "), "\n")
  io.stdout:flush()
end

local function wrong(text, ...)
  say("wrong", (text:format(...):gsub("\n", " | ")))
  os.exit(1)
end

--- What was asked for is durable. Now and then nothing follows for a moment, in which a kill would
--- show that it is not.
local function ok()
  say "ok"
  if roll(5) == 1 then
    core.sleep(0.004)
  end
end

local k
local last, launched = math.tointeger(tonumber(arg[5])) - 1, arg[6] == "true"
local waits = {}    -- numbers of the waits that may still be opened
local deferred = {} -- answers of the outside that are to come

-- The outside: what it was asked for is in a file before it answers.

local file = assert(io.open(OUTSIDE, "ab"))

local function note(effect, how, op, amount)
  file:write(("%s %s %d %d\n"):format(effect.id, how, op, amount))
  file:flush()
  say "at effect"
  if roll(3) == 1 then
    core.sleep(0.004)
  end
end

local outside = {
  pay = function(effect, op, amount)
    note(effect, "pay", op, amount)
    return effect.id
  end,
  order = function(effect, op, amount)
    note(effect, "order", op, amount)
    local resolve = effect:defer()
    table.insert(deferred, function() resolve(effect.id) end)
  end,
  refuse = function(effect, op, amount)
    note(effect, "refuse", op, amount)
    error { name = "Refused", message = "not today" }
  end,
}

local function open()
  say "at open"
  deferred = {}
  k = moonvat.open {
    db = DB, services = { outside = outside }, commit_every = one_of { 1, 1, 7, 100, 1000 },
    vats_online = one_of { 1, 2, 3, 5, 50 },
    log = function(entry)
      if entry.text:find "image of its heap is not used" then
        wrong("the log says of %s: %s", entry.vat, entry.text)
      elseif entry.level == "fault" and not entry.text:find "memory limit"
        and not entry.text:find "this version does not start" then
        wrong("the log says of %s: %s", entry.vat, entry.text)
      end
    end,
  }
end

local function answer_deferred()
  local list = deferred
  deferred = {}
  for _, answer in ipairs(list) do
    answer()
  end
  return #list > 0
end

-- Rest

local function living()
  local names, suspended = {}, {}
  for _, vat in ipairs(k:vats()) do
    if vat.state == "suspended" then
      suspended[#suspended + 1] = vat.id
    elseif vat.state == "failed" then
      wrong("%s failed: %s", vat.name, tostring(vat.fault))
    end
    if vat.state ~= "terminated" then
      names[#names + 1] = vat.name
    end
  end
  return names, suspended
end

--- Everything that is to be done is done: messages, answers of the outside, single timers.
local function rest()
  say "at rest"
  local _, suspended = living()
  for _, vat in ipairs(suspended) do
    k:resume_vat(vat)
  end
  local more
  repeat
    k:run()
    more = answer_deferred()
    if #k:settings "timer." > 0 then
      core.sleep(0.001)
      more = true
    end
  until not more
end

local function check_audit(when)
  local problems = k:audit()
  if #problems > 0 then
    wrong("the audit finds %d problems %s, first: %s", #problems, when, tostring(problems[1]))
  end
end

local function tell(name, value)
  say("fact", name, tostring(value))
end

local function tell_facts()
  rest()
  check_audit "at rest"
  if #k:clusters() == 0 then
    return say "rested 0"
  end
  local names = living()
  for _, name in ipairs(names) do
    for key, value in pairs(k:call(name, "state")) do
      tell(name .. "." .. key, value)
      if name == "keeper" and key == "pending" then
        for op in value:gmatch "%d+" do
          waits[#waits + 1] = math.tointeger(tonumber(op))
        end
      end
    end
  end
  k:run()
  table.sort(names)
  tell("vats", table.concat(names, ","))
  tell("promises", #k:promises())
  for _, row in ipairs(k:vatstore "spender") do
    tell(row.key, row.value)
  end
  say("rested", tostring(file:seek "end"))
end

-- Operations

local function op(...)
  last = last + 1
  say("do", tostring(last), ...)
  return last
end

--- Queues an operation's message: its handle.
local function send(target, method, name, ...)
  return k:send(target, method, op(name, ...), ...)
end

local function transfer()
  local who, from = one_of { "teller", "escrow" }, roll(5)
  local to = (from + roll(4) - 1) % 5 + 1
  local amount = roll(100)
  return k:send(who, "transfer", op("transfer", who, from, to, amount), from, to, amount)
end

local function upgrade()
  say "at upgrade"
  if roll(4) == 1 then
    op("upgrade", "escrow")
    return k:upgrade_vat "escrow"
  end
  local purse = "purse" .. roll(5)
  if roll(4) == 1 then
    op("spoil", purse)
    return k:upgrade_vat(purse, { bundle = "purse_bad" })
  end
  local letter = one_of { "a", "b" }
  op("upgrade", purse, letter)
  return k:upgrade_vat(purse, { bundle = "purse_" .. letter })
end

local function guests()
  local list = {}
  for _, name in ipairs((living())) do
    if name:find "^guest" then
      list[#list + 1] = name
    end
  end
  return list
end

local sends = {
  function() return send("keeper", "tick", "tick") end,
  function() return send("keeper", "tick", "tick") end,
  transfer, transfer, transfer,
  function()
    local relay, count = "relay" .. roll(2), roll(6)
    return k:send(relay, "flood", op("flood", relay, count), count)
  end,
  function()
    local how, amount = one_of { "pay", "pay", "order", "refuse" }, roll(100)
    return send("spender", "ask", "ask", how, amount)
  end,
  function() return send("alarm", "set", "set", roll(4) - 1) end,
  function()
    local on = roll(3) == 1
    return k:send("alarm", "ticks", op("ticks", on and "on" or "off"), on)
  end,
  function()
    local what, slot = one_of { "birth", "grow", "grow", "renew", "death" }, roll(3)
    return k:send("nursery", what, op(what, slot), slot)
  end,
  function()
    local handle = send("keeper", "wait", "wait")
    waits[#waits + 1] = last
    return handle
  end,
  function()
    local which = #waits > 0 and table.remove(waits, roll(#waits)) or 0
    op("open", which)
    return k:send("lock", "open", which)
  end,
  function()
    local relay = "relay" .. roll(2)
    op("overrun", relay)
    return k:send(relay, "overrun")
  end,
  function()
    local list = guests()
    local guest = #list > 0 and one_of(list)
    return guest and k:send(guest, "grow", op("feed", guest))
  end,
  upgrade,
}

local function send_some(most)
  local handles = {}
  for _ = 1, roll(most) do
    handles[#handles + 1] = sends[roll(#sends)]() or nil
  end
  return handles
end

local function release(handles)
  for _, handle in ipairs(handles) do
    handle:release()
  end
end

local function launch()
  say "at launch"
  op "launch"
  local vats = { main = { source = "main.lua" } }
  for _, name in ipairs { "keeper", "lock", "teller", "escrow", "sink", "spender", "alarm", "nursery" } do
    vats[name] = { source = name .. ".lua" }
  end
  for i = 1, 2 do
    vats["relay" .. i] = { source = "relay.lua", parameters = { name = "relay" .. i },
      options = { memory_limit = 2 * 1024 * 1024 } }
  end
  for i = 1, 5 do
    vats["purse" .. i] = { source = "purse_a.lua" }
  end
  for _, vat in pairs(vats) do
    vat.options = vat.options or {}
    vat.options.snapshot_interval, vat.options.reap_interval = INTERVAL, 20
  end
  vats.purse4.options.vatstore = "paged"
  local cluster = k:launch({
    bootstrap = "main", vats = vats, services = { "vat_admin", "timer", "outside" },
    bundles = {
      child = { source = "child.lua" }, purse_a = { source = "purse_a.lua" },
      purse_b = { source = "purse_b.lua" }, purse_bad = { source = "purse_bad.lua" },
    },
  }, FOLDER)
  cluster.bootstrap:release()
  k:commit()
  ok()
  rest() -- from here on they know each other
end

-- Turns: each ends with something that promises durability.

local turns = {}

function turns.calls()
  local one = roll(3)
  for _ = 1, roll(3) do
    if one == 1 then
      k:call("keeper", "tick", op "tick")
    elseif one == 2 then
      local from, to, amount = roll(2), roll(3) + 2, roll(100)
      k:call("teller", "transfer", op("transfer", "teller", from, to, amount), from, to, amount)
    else
      local relay, count = "relay" .. roll(2), roll(6)
      k:call(relay, "flood", op("flood", relay, count), count)
    end
    ok()
  end
end

function turns.commit()
  release(send_some(12))
  k:commit()
  ok()
end

function turns.run()
  release(send_some(12))
  k:run(roll(2) == 1 and { cranks = roll(30) } or nil)
  ok()
end

function turns.values()
  local handles = send_some(8)
  for _ = 1, roll(60) do
    k:step()
  end
  for _, handle in ipairs(handles) do
    if handle:status() == "fulfilled" then
      handle:values()
      ok()
      break
    end
  end
  release(handles)
end

function turns.steps()
  release(send_some(8))
  for _ = 1, roll(20) do
    k:step()
  end
end

function turns.answer()
  answer_deferred()
  k:commit()
  ok()
end

function turns.nap()
  local vat = one_of { "keeper", "sink", "purse1", "teller", "spender", "nursery", "alarm" }
  op("nap", vat)
  k:suspend_vat(vat)
  release(send_some(6))
  k:run { cranks = roll(20) }
  ok()
  if #(select(2, living())) > 0 then -- an upgrade has woken it
    k:resume_vat(vat)
  end
  k:run()
  ok()
end

function turns.guest()
  local list = guests()
  if #list < 3 then
    k:create_vat {
      name = "guest" .. op "invite", bundle = "child", parameters = { purse = k:root "purse2" },
      options = { snapshot_interval = INTERVAL },
    }
  else
    local guest = one_of(list)
    op("expel", guest)
    k:terminate_vat(guest, "no more room")
  end
  k:commit()
  ok()
end

function turns.upgrade_all()
  rest()
  ok()
  say "at upgrade"
  for _, name in ipairs((living())) do
    op("upgrade", name)
  end
  for _, result in ipairs(k:upgrade_all()) do
    if not result.ok then
      wrong("upgrade_all: %s: %s", result.vat, tostring(result.reason))
    end
  end
  ok()
  waits = {}
end

function turns.collect()
  say "at collect"
  k:collect_garbage { cycles = roll(2) == 1 }
  ok()
end

function turns.facts()
  tell_facts()
end

local ORDINARY <const> = { "calls", "calls", "commit", "commit", "run", "run", "values", "steps",
  "steps" }
local RARE <const> = { "answer", "nap", "guest", "guest", "upgrade_all", "collect", "facts" }

local function work()
  say "at work"
  if roll(1000) <= CLOSED * 1000 then
    say "at close"
    k:close()
    ok()
    open()
    tell_facts()
  else
    turns[roll(4) == 1 and one_of(RARE) or one_of(ORDINARY)]()
  end
end

local function main()
  open()
  check_audit "as opened"
  if not launched or #k:clusters() > 0 then
    tell_facts()
  else
    wrong "the launch that was acknowledged is not there"
  end
  if #k:clusters() == 0 then
    launch()
  end
  while true do
    work()
  end
end

local good, reason = xpcall(main, debug.traceback)
if not good then
  wrong("it raised %s", tostring(reason))
end
