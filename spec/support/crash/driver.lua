--- Kills workers at any moment, starts them again, and judges by what they said before and after.
--
--   local driver = require "spec.support.crash.driver"
--   local result = driver.run { seed = 1, kills = 100, tell = print }
--
-- The oracle: operations are numbered in the order in which they were asked for. The store keeps
-- them in that order, so what the vats hold at the next rest is what the model holds after, of
-- each process, those that were acknowledged and the first few, or none, of those that were not;
-- no other subset, and none of them twice or by half. The others are gone for good. What the outside was
-- asked for is in a file of its own: the same effect id always with the same content, each content
-- under one id, and nothing that the kernel does not remember.
--
-- A failure raises a text with the seed and, with the option keep, leaves the folder with the
-- database, the copy that the last kill left, and all that was said. Kills are timed, so a seed
-- gives the same operations again and not the same moment.

local helpers = require "spec.support.helpers"
local Model = require "spec.support.crash.model"
local kerneltest = require "moonvat.kerneltest"
local pace = require "spec.support.pace"
local process = require "moonvat.process"

local M = {}

local HERE <const> = "spec/support/crash/"
local KILLS_OF_ONE <const> = 40 -- of one database, before a new one begins
local HANG <const> = math.ceil(pace.seconds(20)) -- seconds without a word

local Story = {}
Story.__index = Story

local function generator(seed)
  local state = seed * 2654435761 + 362436069362436069
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 11) % n + 1
  end
end

local function folder()
  local pipe <close> = assert(io.popen "mktemp -d")
  return pipe:read "l"
end

--- One database: sources, oracle, and what was said.
local function new_story(seed, counts, keep)
  local self = setmetatable({
    seed = seed, roll = generator(seed), counts = counts, keep = keep, folder = folder(),
    said = {},
    model = Model.new(), -- after the operations that are settled
    asked = {},          -- then, by process, which of them the first `sure` were acknowledged
    next = 1, launched = false, done = {},
  }, Story)
  self.db, self.outside = self.folder .. "/kernel.db", self.folder .. "/outside"
  self.interval = ({ 5, 10, 20, 50, 1 })[self.roll(5)]
  return self
end

function Story:fail(text, ...)
  text = ("seed %d: %s"):format(self.seed, text:format(...))
  if self.keep then
    helpers.write(self.folder .. "/said", table.concat(self.said, "\n") .. "\n")
    error(("%s\n  kept: %s (kernel.db; killed.db: as the last kill left it; said)"):format(text,
      self.folder), 0)
  end
  local last = table.concat(self.said, "\n    ", math.max(1, #self.said - 20))
  self:close()
  error(("%s\n  last was said:\n    %s"):format(text, last), 0)
end

function Story:close()
  os.execute("rm -rf '" .. self.folder .. "'")
end

-- The oracle

local function differences(got, wanted)
  local keys, list = {}, {}
  for _, side in ipairs { got, wanted } do
    for key in pairs(side) do
      keys[key] = true
    end
  end
  for key in pairs(keys) do
    if got[key] ~= wanted[key] then
      list[#list + 1] = ("%s is %s and should be %s"):format(key, tostring(got[key]),
        tostring(wanted[key]))
    end
  end
  table.sort(list)
  return #list > 0 and table.concat(list, "\n    ") or nil
end

--- Takes the first operations of a process as done, and the rest as never asked for.
function Story:settle(asked, count)
  for i, op in ipairs(asked) do
    if i <= count then
      self.done[op.number] = op
      self.launched = self.launched or op.name == "launch"
    end
  end
  self.counts.lost = self.counts.lost + #asked - count
  self.counts.kept = self.counts.kept + count
end

--- The receipts that the spender has, by operation, taken out of the facts.
local function take_receipts(facts)
  local receipts = {}
  for key, value in pairs(facts) do
    local op = key:match "^receipt(%d+)$"
    if op then
      receipts[math.tointeger(tonumber(op))] = value
      facts[key] = nil
    end
  end
  return receipts
end

--- Tries each number of operations of each process, from the one at `at` on: the model that has
--- these facts, or nil.
function Story:find(facts, model, at)
  local asked = self.asked[at]
  if not asked then
    local wanted = next(model.vats) and model:facts() or {}
    return not differences(facts, wanted) and model or nil
  end
  model = model:copy()
  for i = 0, #asked do
    if i > 0 then
      model:apply(asked[i])
    end
    local found = i >= asked.sure and self:find(facts, model, at + 1)
    if found then
      self:settle(asked, i)
      return found
    end
  end
end

function Story:judge(facts, size)
  local receipts = take_receipts(facts)
  local model = self:find(facts, self.model, 1)
  if not model then
    local least, most = self.model:copy(), self.model:copy()
    for _, asked in ipairs(self.asked) do
      for i, op in ipairs(asked) do
        most:apply(op)
        if i <= asked.sure then
          least:apply(op)
        end
      end
    end
    self:fail("what is there is not what was asked for.\n  With what was acknowledged:\n    %s"
      .. "\n  with all:\n    %s", differences(facts, least:facts()) or "this is it",
      differences(facts, most:facts()) or "this is it")
  end
  self.model, self.asked = model, { { sure = 0 } }
  self:judge_effects(receipts, helpers.read(self.outside):sub(1, size))
  self.counts.rests = self.counts.rests + 1
end

local function is_asked_outside(op)
  return op and op.name == "ask"
end

--- What the outside was asked for, against what was settled and what the vat knows of it.
function Story:judge_effects(receipts, effects)
  local content, id_of, last = {}, {}, 0
  for line in effects:gmatch "[^\n]+" do
    local id, how, op, amount = line:match "^(%S+) (%l+) (%d+) (%d+)$"
    op = math.tointeger(tonumber(op))
    local asked = self.done[op]
    if not is_asked_outside(asked) or asked[1] ~= how or asked[2] ~= amount then
      self:fail("the outside was asked for what the kernel does not remember: %s", line)
    elseif content[id] and content[id] ~= line then
      self:fail("one effect id, two contents: %s and %s", content[id], line)
    elseif id_of[op] and id_of[op] ~= id then
      self:fail("one effect, two ids: %s %s for %d", id_of[op], id, op)
    elseif not id_of[op] then
      if op < last then
        self:fail("effects out of order: %d after %d", op, last)
      end
      last = op
    end
    self.counts.repeated = self.counts.repeated + (id_of[op] and 1 or 0)
    content[id], id_of[op] = line, id
  end
  for number, op in pairs(self.done) do
    if is_asked_outside(op) then
      local receipt = op[1] ~= "refuse" and id_of[number] or nil
      if not id_of[number] then
        self:fail("effect %d was never asked for outside", number)
      elseif receipts[number] ~= receipt then
        self:fail("effect %d has the receipt %s and not %s", number, tostring(receipts[number]),
          tostring(receipt))
      end
    end
  end
end

-- What workers say

local words = {}

function words:at(moment)
  self.moment = moment
end

words["do"] = function(self, rest)
  local op = {}
  for word in rest:gmatch "%S+" do
    op[#op + 1] = word
  end
  op.number, op.name = math.tointeger(tonumber(table.remove(op, 1))), table.remove(op, 1)
  local asked = self.asked[#self.asked]
  asked[#asked + 1] = op
  self.next = op.number + 1
end

--- From here on they must be there.
function words:ok()
  local asked = self.asked[#self.asked]
  self.counts.acknowledged = self.counts.acknowledged + #asked - asked.sure
  asked.sure = #asked
  if #self.asked == 1 then
    for _, op in ipairs(asked) do
      self.model:apply(op)
    end
    self:settle(asked, #asked)
    self.asked = { { sure = 0 } }
  end
end

function words:fact(rest)
  local name, value = rest:match "^(%S+) ?(.*)$"
  self.facts[name] = value
end

function words:rested(size)
  local facts = self.facts
  self.facts = {}
  self:judge(facts, math.tointeger(tonumber(size)))
end

function words:wrong(rest)
  self:fail("%s", rest)
end

function Story:hear(line)
  self.said[#self.said + 1] = line
  local word, rest = line:match "^(%l+) ?(.*)$"
  if not words[word] then
    self:fail("the worker says: %s", line)
  end
  words[word](self, rest)
  return word, rest
end

-- Lives

-- When to kill: after which word, how often heard, and how many milliseconds later.
function Story:choose()
  local roll = self.roll
  local kind = roll(20)
  if kind <= 4 then
    return { word = "start", ms = roll(60) }
  elseif kind <= 8 then
    return { word = "at", rest = ({ "open", "launch", "close", "upgrade", "collect" })[roll(5)],
      ms = roll(8) - 1 }
  elseif kind <= 11 then
    return { word = "at", rest = "effect", times = roll(5), ms = roll(4) - 1 }
  end
  return { word = "ok", times = roll(15), ms = roll(2) == 1 and roll(4) - 1 or roll(30) }
end

local function heard(trigger, word, rest)
  if word == trigger.word and (not trigger.rest or trigger.rest == rest) then
    trigger.times = (trigger.times or 1) - 1
    return trigger.times <= 0
  end
  return false
end

--- Hears a process to its end; kills it once the trigger was heard, or when it has said enough.
function Story:attend(worker, trigger, hear)
  local text, left, oks, killed = "", trigger.word == "start" and trigger.ms, 0, false
  while true do
    if left then
      process.sleep(pace.seconds(left) / 1000)
      worker:kill()
      left, killed = nil, true
    end
    local data = worker:read(HANG)
    if data == "" then
      break
    elseif not data then
      worker:kill()
      self:fail("nothing was heard for %d seconds", HANG)
    end
    text = text .. data
    for line in text:gmatch "([^\n]*)\n" do
      local word, rest = hear(line)
      oks = oks + (word == "ok" and 1 or 0)
      if not killed and (heard(trigger, word, rest) or oks > 40) then
        left = left or trigger.ms
      end
    end
    text = text:match "[^\n]*$"
  end
  return worker:wait()
end

--- A worker's life, from its start to the kill.
function Story:live()
  self.facts, self.moment = {}, "start"
  table.insert(self.asked, { sure = 0 })
  local trigger = self:choose()
  table.insert(self.said, ("# a worker, to be killed at %s %s"):format(trigger.word,
    trigger.rest or ""))
  local how, which = self:attend(process.spawn {
    arg[-1] or "lua5.4", HERE .. "worker.lua", self.db, self.outside, HERE .. "vats",
    tostring(self.roll(1 << 30)), tostring(self.next), tostring(self.launched),
    tostring(self.interval),
  }, trigger, function(line) return self:hear(line) end)
  if how ~= "signal" or which ~= 9 then
    self:fail("the worker ended by itself: %s %d", how, which)
  end
  self.counts.moments[self.moment] = (self.counts.moments[self.moment] or 0) + 1
end

--- The program does one thing, and may be killed in it. What it prints is durable.
function Story:call()
  local op = ("%d tick"):format(self.next)
  table.insert(self.asked, { sure = 0 })
  self:hear("do " .. op)
  local answered
  local how, which = self:attend(process.spawn {
    helpers.program(), "call", self.db, "keeper", "tick", tostring(self.next - 1),
  }, { word = "start", ms = self.roll(40) }, function(line)
    table.insert(self.said, line)
    answered = answered or line:find "^%d+$"
  end)
  if how == "exit" and (which ~= 0 or not answered) then
    self:fail("moonvat call ended with status %d", which)
  elseif answered then
    self:hear "ok"
  end
  self.counts.calls = self.counts.calls + 1
  return how == "signal"
end

--- What the kill left, kept beside the database until the next, is whole.
function Story:check_files()
  local copy = self.folder .. "/killed.db"
  helpers.copy_db(self.db, copy)
  local kernel, reason = kerneltest.open(copy)
  if not kernel then
    self:fail("what the kill left cannot be opened: %s", reason)
  end
  local answer = kernel:sql "PRAGMA integrity_check"[1][1]
  kernel:close()
  if answer ~= "ok" then
    self:fail("what the kill left is damaged: %s", answer)
  end
  helpers.copy_db(self.db, copy)
end

local function new_counts()
  return { kills = 0, acknowledged = 0, kept = 0, lost = 0, rests = 0, repeated = 0, calls = 0,
    databases = 0, moments = {} }
end

--- Goes on until this many kills. options: seed, kills, keep, tell (a function that is given
--- a text now and then). What it did is counted in the result.
function M.run(options)
  local counts = new_counts()
  local seed = options.seed
  while counts.kills < options.kills do
    local story = new_story(seed, counts, options.keep)
    counts.databases = counts.databases + 1
    local most = math.min(options.kills, counts.kills + KILLS_OF_ONE)
    while counts.kills < most do
      local killed = true
      if story.launched and #story.asked < 3 and story.roll(6) == 1 then
        killed = story:call()
      else
        story:live()
      end
      counts.kills = counts.kills + (killed and 1 or 0)
      story:check_files()
    end
    story:close()
    if options.tell then
      options.tell(("seed %d: %d kills, %d operations acknowledged, %d rests judged"):format(seed,
        counts.kills, counts.acknowledged, counts.rests))
    end
    seed = seed + 1
  end
  return counts
end

return M
