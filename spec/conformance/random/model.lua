--- The vats of the random histories, and the model that hears what they have.
--
-- A vat prints each thing that it gets, keeps and drops; hear takes the lines, reached says which
-- things somebody can still reach.

local AGENT <const> = [[
  return function(vat)
    local slots, names, open = {}, {}, {}
    local function say(...) print(table.concat({ ... }, " ")) end
    local function put(slot, x, name)
      slots[slot], names[slot] = x, x ~= nil and name or nil
      say("slot", slot, names[slot] or "-")
    end
    local function thing(name)
      local held, held_name
      say("thing", name)
      return Far(name, {
        name = function() return name end,
        keep = function(self, x, of)
          held, held_name = x, of
          say("has", name, of or "-")
        end,
        held = function(self, result)
          say("settled", result, held_name or "-")
          return held
        end,
        give = function(self, to, slot) E.send_only(to):put(slot, held, held_name) end,
      })
    end
    say "built"
    local function number(name) return tonumber(name:match "^p(%d+)") end
    -- A promise may follow only one that is older, so that none follows itself.
    local function may_settle(promise, name)
      local other = number(name or "t")
      return other == nil or other < number(promise)
    end
    return Far("Agent", {
      make = function(self, slot, name) put(slot, thing(name), name) end,
      put = function(self, slot, x, name) put(slot, x, name) end,
      copy = function(self, from, to) put(to, slots[from], names[from]) end,
      clear = function(self, slot) put(slot) end,
      store = function(self, key, slot)
        if pcall(function() vat.baggage[key] = slots[slot] and { slots[slot] } end) then
          say("bag", key, names[slot] or "-")
        end
      end,
      load = function(self, key, slot, name)
        local list = vat.baggage[key]
        put(slot, list and list[1], name)
      end,
      pass = function(self, slot, to, other) E.send_only(to):put(other, slots[slot], names[slot]) end,
      give_thing = function(self, slot, target)
        if slots[target] then E.send_only(slots[target]):keep(slots[slot], names[slot]) end
      end,
      have_given = function(self, target, to, other)
        if slots[target] then E.send_only(slots[target]):give(to, other) end
      end,
      ask = function(self, target, slot, name)
        if slots[target] then put(slot, E(slots[target]):held(name), name) end
      end,
      open = function(self, slot, name)
        local p, resolve, reject = promise()
        open[name] = { resolve, reject }
        say("open", name)
        put(slot, p, name)
      end,
      settle = function(self, name, how, one, two)
        local ways = open[name]
        if not ways or not may_settle(name, names[one]) or not may_settle(name, names[two]) then
          return
        end
        open[name] = nil
        if how == 1 then
          say("settled", name, "-")
          ways[2] "rejected"
        elseif how == 2 then
          say("settled", name, names[one] or "-")
          ways[1](slots[one])
        elseif how == 3 then
          say("settled", name, names[one] or "-", names[two] or "-")
          ways[1] { slots[one] or false, { slots[two] } }
        else
          say("settled", name, "-")
          ways[1](5)
        end
      end,
      linger = function(self, slot, on, number)
        local x, name, p = slots[slot], names[slot], slots[on]
        if x == nil or not promise.is(p) then return end
        say("lingers", number, name)
        pcall(await, p)
        say("left", number, promise.is(x) and "promise" or tostring(x))
      end,
      take = function(self, slot, number)
        say("took", number, names[slot] or "-")
        return slots[slot]
      end,
      call = function(self, slot)
        local x = slots[slot]
        if promise.is(x) then return "a promise" end
        return await(E(x):name())
      end,
      spin = function(self, slot, x, name)
        put(slot, x, name)
        put("s1", thing "never")
        vat.baggage.b1 = nil
        E(x):keep(x, name)
        while true do end
      end,
    })
  end
]]

local NAMES <const> = { "ann", "ben", "cat", "dan" }

local function generator(seed)
  local state = (seed * 2654435761 + 362436069362436069) & 0x7fffffffffffffff
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 11) % n + 1
  end
end

-- The model: what vats say that they hold, what the host holds, and what that reaches.

local Model = {}
Model.__index = Model

local function new_model()
  local self = setmetatable({ vats = {}, things = {}, promises = {}, host = {}, took = {},
    count = 0 }, Model)
  for _, name in ipairs(NAMES) do
    self.vats[name] = { slots = {}, bags = {}, open = {}, lingers = {}, alive = true }
  end
  return self
end

function Model:new_name(letter)
  self.count = self.count + 1
  return letter .. self.count
end

local function some(name)
  return name ~= "-" and name or nil
end

local hear = {}

--- It has started, perhaps again: after an upgrade, or a restart without a transcript.
function hear.built(self, vat)
  self:lose(vat)
end

function hear.thing(self, vat, name)
  self.things[name] = { owner = vat }
end

function hear.slot(self, vat, slot, name)
  self.vats[vat].slots[slot] = some(name)
end

function hear.bag(self, vat, key, name)
  self.vats[vat].bags[key] = some(name)
end

function hear.has(self, _, thing, name)
  self.things[thing].held = some(name)
end

function hear.open(self, vat, name)
  self.vats[vat].open[name] = true
end

function hear.settled(self, vat, name, ...)
  self.promises[name] = { ... }
  self.vats[vat].open[name] = nil
end

function hear.lingers(self, vat, number, name)
  self.vats[vat].lingers[number] = name
end

function hear.left(self, vat, number, name)
  local was = self.vats[vat].lingers[number]
  if name ~= (was:find "^t" and "<" .. was .. ">" or "promise") then
    error(("%s held %s while it waited, and then had %s"):format(vat, was, name), 0)
  end
  self.vats[vat].lingers[number] = nil
end

function hear.took(self, _, number, name)
  self.took[number] = some(name)
end

function Model:hear(entry)
  local words = {}
  for word in entry.text:gmatch "%S+" do
    words[#words + 1] = word
  end
  hear[words[1]](self, entry.vat, table.unpack(words, 2))
end

--- The vat's heap is gone.
function Model:lose(name)
  local vat = self.vats[name]
  vat.slots, vat.open, vat.lingers = {}, {}, {}
  for _, thing in pairs(self.things) do
    if thing.owner == name then
      thing.owner, thing.held = nil, nil
    end
  end
end

--- The things that somebody outside their own vat reaches: name -> owner or false.
function Model:reached()
  local rows, seen = {}, {}
  local function reach(name, holder)
    local key = name .. " " .. holder
    if seen[key] then
      return
    end
    seen[key] = true
    local thing = self.things[name]
    if thing then
      if thing.owner ~= holder then
        rows[name] = thing.owner or false
      end
      if thing.held then
        reach(thing.held, thing.owner)
      end
    end
    for _, inner in ipairs(self.promises[name] or {}) do
      if inner ~= "-" then
        reach(inner, holder)
      end
    end
  end
  for name, vat in pairs(self.vats) do
    for _, held in pairs(vat.slots) do
      reach(held, name)
    end
    for _, held in pairs(vat.bags) do
      reach(held, "baggage")
    end
    for _, held in pairs(vat.lingers) do
      reach(held, name)
    end
  end
  for _, hold in ipairs(self.host) do
    if hold.name then
      reach(hold.name, "host")
    end
  end
  return rows
end

return { AGENT = AGENT, NAMES = NAMES, generator = generator, new_model = new_model }
