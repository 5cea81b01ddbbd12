--- What a vat can find out about where it runs: nothing. No address is in any text that it gets or
-- logs, and the same deliveries give the same bytes in another vat and in another process.

local attacks = require "spec.support.attacks"
local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same = helpers.same

local opened = {}

local function open(number)
  local v = test.vat { main = attacks.RUNNER, number = number, time_limit = 60,
    memory_limit = 256 << 20 }
  opened[#opened + 1] = v
  same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

local function close_all()
  for i = #opened, 1, -1 do
    opened[i]:close()
    opened[i] = nil
  end
end

--- All that leaves the vat when it runs the text, as one text.
local function outcome_of(v, text)
  local outcome = v:deliver { kind = "message", target = "o+0", result = "p-1", method = "run",
    args = { test.ref("o-1", "Victim"), text }, now = 1 }
  local parts = { tostring(outcome.fault), outcome.syscall_bytes }
  for _, change in ipairs(outcome.changes) do
    parts[#parts + 1] = helpers.show(change)
  end
  for _, line in ipairs(outcome.log) do
    parts[#parts + 1] = line.level .. " " .. line.text
  end
  return table.concat(parts, "\n")
end

-- Where a vat's heap, its code and the process' own memory may lie.
local RANGES <const> = {
  { 0x100000000000, 0x4000000000000 },
  { 0x550000000000, 0x570000000000 },
}

local function is_address(number)
  for _, range in ipairs(RANGES) do
    if number and number >= range[1] and number < range[2] then
      return true
    end
  end
end

--- The first thing in the text that looks like an address.
local function address_in(text)
  local hex = text:match "0[xX]%x%x%x%x%x+"
  if hex then
    return hex
  end
  for digits in text:gmatch "%f[%w]%x%x%x%x%x%x%x%x%x%x%x%x+%f[%W]" do
    if is_address(tonumber(digits)) or is_address(tonumber(digits, 16)) then
      return digits
    end
  end
end

--- The scripts that end by themselves; floods are long and say nothing more.
local function scripts()
  local list = {}
  for _, theme in ipairs { "abuse", "defects", "library", "recursion" } do
    for _, script in ipairs(attacks.list(theme)) do
      if script.kind == "refused" or script.kind == "harmless" then
        list[#list + 1] = script
      end
    end
  end
  return list
end

-- Everything that gives text, given everything.
local SCAN <const> = [[
  local texts = {}
  local function note(...)
    for _, value in ipairs { ... } do texts[#texts + 1] = tostring(value) end
  end
  local Kind = vat.kind("Kind", { go = function(self, f, ...) return f(self, ...) end })
  local things = { vat, vat.baggage, vat.vatstore, vat.map "m", vat.set "s", Kind, Kind { x = 1 },
    victim, root, E, E(victim), E(victim).go, E.send_only, E.send_only(root), promise, promise(),
    promise.reject "no", Far, Error { name = "N", message = "M" }, print, load, {},
    coroutine.running(), coroutine.wrap(print), function() end, setmetatable({}, {}),
    setmetatable({}, { __name = "Name" }), 1 / 0, -(0 / 0), 7, "text", true }
  local uses = {
    function(x, y) return x[y] end, function(x, y) x[y] = y end, function(x, y) return x + y end,
    function(x, y) return x .. y end, function(x, y) return x < y end, function(x) return #x end,
    function(x) return -x end, function(x) return ~x end, function(x, y) return x(y) end,
    function(x) for i = x, x do break end end, function(x) for _ in x do break end end,
    function(x) for _ in pairs(x) do break end end, function(x) for _ in ipairs(x) do break end end,
    function(x) return tostring(x) end, function(x) return ("%s %q"):format(x, x) end,
    function(x) return ("%s"):format(x) end, function(x) error(x) end, function(x) assert(false, x) end,
    function(x, y) return x:go(y) end, function(x) local z <close> = x end,
    function(x, y) return table.concat({ x, y }, y) end, function(x) return next({}, x) end,
    function(x) return setmetatable({}, x) end, function(x) return require(x) end,
    function(x, y) E(victim):go(x, { [y] = { x } }) end, function(x, y) vat.baggage[y] = { x } end,
    function(x, y) vat.map("m")[x] = y end, function(x, y) vat.vatstore[x] = y end,
    function(x, y) vat.watch(x, y, "go") end, function(x) return Kind(x) end,
    function(x, y) return Far(x, y) end, function(x) return Error(x) end,
    function(x, y) return vat.kind(x, y) end, function(x, y) return vat.range(x, y)() end,
    function(x) return promise.all(x) end, function(x) return promise.race(x) end,
    function(x, y) return promise():next(x, y) end, function(x) return coroutine.resume(x) end,
    function(x) return coroutine.status(x) end, function(x, y) return load(x, y, x, y) end,
    function(x) return vat.exit(function() return x end) end,
  }
  for _, x in ipairs(things) do
    note(x)
    for _, y in ipairs(things) do
      for _, use in ipairs(uses) do note(select(2, pcall(use, x, y))) end
    end
  end
  local trace = select(2, xpcall(function() error(things[1]) end, function(e) return tostring(e) end))
  note(trace)
  for i = 1, 3 do print(things[i * 7]) end
  promise.reject(things[8])
  E(root):missing(things[9])
  promise.resolve():next(function() local t = {} return t.x.y end)
  promise.resolve():next(function() error(tostring(print)) end)
  return table.concat(texts, "\n")
]]

local CONSTANTS <const> = { "nil", "true", "false", "1", "1.5", "'s'", "2^53", "-0.0", "...", "a", "t" }
local OPERATORS <const> = { "==", "~=", "<", "+", "..", "and", "or", "&", "//", ">=" }

--- A random expression of a, t and constants, nested so deep at most.
local function expression(depth)
  local random = math.random
  local function inner() return expression(depth - 1) end
  if depth <= 0 or random(6) == 1 then return CONSTANTS[random(#CONSTANTS)] end
  local kind = random(7)
  if kind <= 2 then return inner() .. " " .. OPERATORS[random(#OPERATORS)] .. " " .. inner() end
  if kind == 3 then return ("{ x = %s, %s, [%s] = %s }"):format(inner(), inner(), inner(), inner()) end
  if kind == 4 then
    return ("function(...) local t, a = ...; t.x = %s; t[%s] = %s; return %s end"):format(inner(),
      inner(), inner(), inner())
  end
  if kind == 5 then return ("t.f(%s, t:m(%s))"):format(inner(), inner()) end
  if kind == 6 then return "not " .. inner() end
  return "(" .. inner() .. ")"
end

describe("a vat and where it runs", function()
  after_each(function()
    close_all()
    helpers.clean()
  end)

  it("knows an address when it sees one", function()
    for _, text in ipairs { "table: 0x5581a0c0", "x 0x201000000010", "35253091565584 bytes",
      "at 7f0012345678" } do
      same(type(address_in(text)), "string", text)
    end
    same(address_in "no more than 1000000 of 0xff, 2^62 is 4611686018427387904", nil)
  end)

  it("has no address in any text that anything gives", function()
    local text = outcome_of(open(1), SCAN)
    assert(#text > 500000 and text:find "nil", #text)
    same(address_in(text), nil)
  end)

  it("gives the same bytes in a vat elsewhere, and no address, whatever script it runs", function()
    for _, script in ipairs(scripts()) do
      local here, there = open(1), open(4711)
      local first = outcome_of(here, script.text)
      here:keep()
      local second = outcome_of(there, script.text)
      assert(first == second, script.name .. " differs")
      same(address_in(first), nil, script.name)
      close_all()
    end
  end)

  it("gives the same bytes in another process", function()
    local here = outcome_of(open(1), SCAN)
    local folder = helpers.folder()
    helpers.write(folder .. "/child.lua", [[
      local attacks = require "spec.support.attacks"
      local test = require "moonvat.test"
      local v = test.vat { main = attacks.RUNNER, number = 9, time_limit = 60,
        memory_limit = 256 << 20 }
      v:deliver { kind = "start_vat", name = "main", args = { {} } }
      v:keep()
      local file <close> = assert(io.open(arg[1], "rb"))
      local outcome = v:deliver { kind = "message", target = "o+0", result = "p-1", method = "run",
        args = { test.ref("o-1", "Victim"), file:read "a" }, now = 1 }
      io.write(outcome.syscall_bytes)
    ]])
    helpers.write(folder .. "/script.lua", SCAN)
    local out, err, status = helpers.command(("lua5.4 %s/child.lua %s/script.lua"):format(folder,
      folder))
    same({ err, status }, { "", 0 })
    assert(#out > 500000, #out)
    assert(here:find(out, 1, true), "the other process gives other bytes")
  end)

  it("leaves the same heap, whatever ran before has left on the C stack", function()
    local v = open(1)
    local function hash_after(byte, text)
      test.scribble(byte)
      local outcome = outcome_of(v, text)
      local hash = v:heap_hash()
      v:undo()
      return outcome, hash
    end
    local function check(text)
      local outcome, hash = hash_after(0x55, text)
      local again, other = hash_after(0xaa, text)
      assert(outcome == again and hash == other, text)
    end
    check(SCAN)
    math.randomseed(7)
    for depth = 1, 600 do
      check(([[
        local function deep(n, text)
          if n == 0 then loaded = load(text) return end
          ("x"):gsub("x", function() deep(n - 1, text) end)
        end
        deep(%d, %q)
        return loaded ~= nil]]):format(math.random(0, 30),
        "local t, a = ...; t.x = " .. expression(depth % 9) .. "; return " .. expression(depth % 9)))
    end
  end)
end)
