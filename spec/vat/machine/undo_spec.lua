--- A delivery that is undone leaves the heap as it was, to the byte, whatever was delivered before:
--- small heaps, which are copied, and larger ones, whose written pages are.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
require "moonvat" -- which scarce hooks into
local scarce = require "moonvat.scarce"

local same = helpers.same

local MAIN <const> = [[
  return function()
    local kept, first, last = {}, 1, 0
    return Far("Main", {
      grow = function(self, n)
        for _ = 1, n do
          last = last + 1
          kept[last] = { last, ("x"):rep(40) .. last }
        end
      end,
      drop = function(self, n)
        for _ = 1, n do
          if first > last then break end
          kept[first], first = nil, first + 1
        end
      end,
      touch = function(self, at, step)
        for i = first + at, last, step do kept[i][1] = kept[i][1] + 1 end
      end,
      waste = function(self, n)
        local list = {}
        for i = 1, n do list[i] = { i } end
      end,
      spin = function(self) while true do kept[last + 1] = { kept[last + 1] } end end,
      sum = function(self)
        local sum = 0
        for i = first, last do sum = sum + kept[i][1] * i end
        return sum, last - first + 1
      end,
    })
  end
]]

-- Name, weight, most of each argument.
local KINDS <const> = {
  { "grow", 6, 300 }, { "grow", 1, 6000 }, { "drop", 4, 300 }, { "drop", 1, 12000 },
  { "touch", 12, 50, 2000 }, { "waste", 4, 400 }, { "waste", 1, 9000 },
}

local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 20250321

--- A history of kept deliveries, and what else is tried between them.
local function history(seed, count)
  local random, bag, steps = math.random, {}, {}
  math.randomseed(seed)
  for _, kind in ipairs(KINDS) do
    for _ = 1, kind[2] do bag[#bag + 1] = kind end
  end
  local function message()
    local kind = bag[random(#bag)]
    return { kind[1], random(kind[3]), kind[4] and random(kind[4]) }
  end
  for i = 1, count do
    steps[i] = { keep = random(12) == 1 and "collect" or message(), tries = {} }
    if random(3) == 1 then
      for t = 1, random(3) do
        steps[i].tries[t] = random(6) == 1 and "trim" or random(5) == 1 and "spin"
          or random(6) == 1 and "collect" or message()
      end
    end
  end
  return steps
end

local function delivery(what)
  if what == "collect" then return { kind = "bring_out_your_dead" } end
  if what == "spin" then what = { "spin" } end
  return {
    kind = "message", target = "o+0", result = "p-9", method = what[1],
    args = { table.unpack(what, 2) },
  }
end

--- Plays it, with or without the tries; returns the heap's hashes after each kept delivery, and
--- what the vat says of its memory.
local function play(steps, with_tries)
  local vat = lone.open { main = MAIN, number = 9, time_limit = 0, memory_limit = 6 << 20 }
  same(vat:deliver({ kind = "start_vat", name = "main", args = { {} } }).fault, nil)
  local hashes, most, least = {}, 0, math.huge
  for i, step in ipairs(steps) do
    vat:deliver(delivery(step.keep))
    hashes[i] = vat.vat:heap_hash()
    for _, try in ipairs(with_tries and step.tries or {}) do
      if try == "trim" then
        vat.vat:trim()
      else
        local outcome = vat.vat:deliver(delivery(try))
        same(outcome.fault, try == "spin" and "memory" or nil)
        vat.vat:undo()
      end
      same(vat.vat:heap_hash(), hashes[i], "the hash after what was undone")
    end
    local live = vat.vat:heap_live()
    most, least = math.max(most, live), math.min(least, live)
  end
  local sum = { vat:values "sum" }
  lone.clean()
  return hashes, sum, most, least
end

describe("undoing deliveries", function()
  after_each(lone.clean)

  it("leaves random histories as if they had not been delivered", function()
    local most, least = 0, math.huge
    for round = 1, 12 do
      local seed = SEED + round
      local steps = history(seed, 150)
      local plain, plain_sum = play(steps, false)
      local tried, tried_sum, high, low = play(steps, true)
      same(tried, plain, "hashes, SEED=" .. seed)
      same(tried_sum, plain_sum)
      most, least = math.max(most, high), math.min(least, low)
    end
    assert(most > 1 << 20 and least < 100 << 10, ("heaps of %d to %d bytes"):format(least, most))
  end)

  it("works in a child process and in its parent, whichever vats they have", function()
    local function open(number)
      local vat = lone.open { main = MAIN, number = number, time_limit = 0 }
      vat:deliver { kind = "start_vat", name = "main", args = { {} } }
      vat:deliver(delivery { "grow", 3000 })
      vat:deliver(delivery { "grow", 1 })
      return vat
    end
    local function check(vat)
      for step = 1, 4 do
        local hash = vat.vat:heap_hash()
        vat.vat:deliver(delivery { "touch", step, 1 })
        vat.vat:undo()
        same(vat.vat:heap_hash(), hash)
        vat:deliver(delivery { "grow", 1 })
      end
    end
    local old = open(9)
    local function fork(body)
      local status, text = scarce.fork(body)
      same({ status, text }, { 0, "" }, "the child")
      check(old)
    end
    fork(function() check(old) end)
    fork(function()
      old.vat:close()
      check(open(9))
    end)
    fork(function()
      check(open(10))
      check(old)
    end)
  end)
end)
