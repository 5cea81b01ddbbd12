--- What the vats of the crash suite should hold at rest, after a list of operations.
--
--   local model = Model.new()
--   model:apply { number = 7, name = "transfer", "teller", "1", "2", "30" }
--   model:facts()["purse1.sum"]     -- "-30"
--
-- It knows nothing of cranks, blocks and restarts: each operation happens once, whole, in order.

local M = {}
M.__index = M

M.PURSES = 5

local function fold(sum, op)
  return (sum * 31 + op) % 1000003
end

local function mix(sum, op)
  return (sum + op * op) % 1000003
end

function M.new()
  return setmetatable({ vats = {}, slots = {}, pending = {}, locked = {} }, M)
end

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    result[key] = copy(item)
  end
  return result
end

function M:copy()
  return setmetatable(copy(self), M)
end

local ops = {}

function ops:launch()
  for name, vat in pairs {
    main = {}, lock = {}, nursery = {},
    keeper = { n = 0, heap_n = 0, chain = 0, heap_chain = 0, kept_chain = 0, woken = 0 },
    teller = { done = 0, mixed = 0 }, escrow = { done = 0, mixed = 0 },
    relay1 = { sent = 0 }, relay2 = { sent = 0 }, sink = { relay1 = 0, relay2 = 0 },
    spender = { paid = 0, refused = 0 }, alarm = { fired = 0, mixed = 0, ticking = false },
  } do
    vat.incarnation = 0
    self.vats[name] = vat
  end
  for i = 1, M.PURSES do
    self.vats["purse" .. i] = { moves = 0, sum = 0, mixed = 0, letter = "a", incarnation = 0 }
  end
end

function ops:tick(op)
  local keeper = self.vats.keeper
  keeper.n, keeper.heap_n = keeper.n + 1, keeper.heap_n + 1
  for _, name in ipairs { "chain", "heap_chain", "kept_chain" } do
    keeper[name] = fold(keeper[name], op)
  end
end

function ops:wait(op)
  self.pending[op], self.locked[op] = true, true
end

function ops:open(_, which)
  which = math.tointeger(tonumber(which))
  if self.pending[which] then
    self.vats.keeper.woken = mix(self.vats.keeper.woken, which)
  end
  self.pending[which], self.locked[which] = nil, nil
end

local function move(purse, op, amount)
  purse.moves, purse.sum, purse.mixed = purse.moves + 1, purse.sum + amount, mix(purse.mixed, op)
end

function ops:transfer(op, who, from, to, amount)
  amount = math.tointeger(tonumber(amount))
  move(self.vats["purse" .. from], op, -amount)
  move(self.vats["purse" .. to], op, amount)
  self.vats[who].done, self.vats[who].mixed = self.vats[who].done + 1, mix(self.vats[who].mixed, op)
end

function ops:flood(_, relay, count)
  count = math.tointeger(tonumber(count))
  self.vats[relay].sent = self.vats[relay].sent + count
  self.vats.sink[relay] = self.vats.sink[relay] + count
end

function ops.overrun()
end

function ops:ask(op, how)
  local what = how == "refuse" and "refused" or "paid"
  self.vats.spender[what] = mix(self.vats.spender[what], op)
end

function ops:set(op)
  local alarm = self.vats.alarm
  alarm.fired, alarm.mixed = alarm.fired + 1, mix(alarm.mixed, op)
end

function ops:ticks(_, on)
  self.vats.alarm.ticking = on == "on"
end

local function new_child()
  return { size = 0, chain = 0, incarnation = 0 }
end

local function grow(child, op)
  child.size, child.chain = child.size + 1, fold(child.chain, op)
end

function ops:birth(op, slot)
  if not self.slots[slot] then
    self.slots[slot] = "child" .. op
    self.vats["child" .. op] = new_child()
  end
end

function ops:grow(op, slot)
  if self.slots[slot] then
    grow(self.vats[self.slots[slot]], op)
  end
end

function ops:renew(_, slot)
  local child = self.vats[self.slots[slot] or ""]
  if child then
    child.incarnation = child.incarnation + 1
  end
end

function ops:death(_, slot)
  if self.slots[slot] then
    self.vats[self.slots[slot]], self.slots[slot] = nil, nil
  end
end

function ops:invite(op)
  self.vats["guest" .. op] = new_child()
end

function ops:feed(op, name)
  if self.vats[name] then
    grow(self.vats[name], op)
  end
end

function ops:expel(_, name)
  self.vats[name] = nil
end

-- The new incarnation begins with an empty heap.
function ops:upgrade(_, name, letter)
  local vat = self.vats[name]
  vat.incarnation = vat.incarnation + 1
  vat.letter = letter or vat.letter
  if name == "keeper" then
    vat.heap_chain, vat.kept_chain, self.pending = 0, 0, {}
  elseif name == "lock" then
    self.locked = {}
  end
end

function ops.spoil()
end

function ops.nap()
end

M.ops = ops

function M:apply(op)
  ops[op.name](self, op.number, table.unpack(op))
end

local function joined(set)
  local list = {}
  for key in pairs(set) do
    list[#list + 1] = key
  end
  table.sort(list)
  return table.concat(list, ","), #list
end

--- A flat table of texts. What rests on the crank alone is in bad, which is empty in each vat.
function M:facts()
  local facts = { vats = joined(self.vats) }
  for name, vat in pairs(self.vats) do
    for key, value in pairs(vat) do
      facts[name .. "." .. key] = tostring(value)
    end
    facts[name .. ".bad"] = ""
  end
  if self.vats.keeper then
    local pending, waits = joined(self.pending)
    local _, locked = joined(self.locked)
    facts["keeper.pending"] = pending
    facts.promises = tostring(waits + locked)
  end
  facts["main.bad"], facts["lock.bad"], facts["main.incarnation"] = nil, nil, nil
  return facts
end

return M
