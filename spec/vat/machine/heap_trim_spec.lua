--- A vat gives back the memory that it has needed once, and nobody can tell but by its size.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local test = require "moonvat.test"

local same = helpers.same

local MAIN <const> = [[
  return function(vat)
    local kept, held = {}, {}
    local store = vat.vatstore
    return Far("Main", {
      grow = function(self, n)
        for i = 1, n do kept[#kept + 1] = { i, ("x"):rep(40) .. i } end
        return #kept
      end,
      drop = function(self, left)
        kept = table.move(kept, 1, left, 1, {})
        return #kept
      end,
      waste = function(self, n)
        local list = {}
        for i = 1, n do list[i] = { i } end
        return #list
      end,
      hold = function(self, ...) held[#held + 1] = { ... } end,
      free = function(self) held = {} end,
      spin = function(self) while true do kept[#kept + 1] = {} end end,
      pass = function(self, text) return text, text end,
      fill = function(self, from, to)
        for i = from, to do store[("k%05d"):format(i)] = "v" .. i end
      end,
      clear = function(self, every)
        for key in pairs(store) do
          if tonumber(key:sub(2)) % every ~= 0 then store[key] = nil end
        end
      end,
      keys = function(self)
        local list = {}
        for key, value in pairs(store) do list[#list + 1] = key .. "=" .. value end
        return table.concat(list, " ")
      end,
    })
  end
]]

local KIB <const> = 1024

local function open()
  local vat = lone.open { main = MAIN, number = 5, time_limit = 0, memory_limit = 24 * KIB * KIB }
  same(vat:deliver({ kind = "start_vat", name = "main", args = { {} } }).fault, nil)
  return vat
end

--- Plays a history in which the heap grows over what a whole copy takes, and shrinks again; the
-- hashes of the heap on the way. between is called with the vat at rest.
local function play(between)
  local vat, hashes = open(), {}
  local function step(...)
    vat:call(...)
    hashes[#hashes + 1] = vat.vat:heap_hash()
    between(vat)
    same(vat.vat:heap_hash(), hashes[#hashes], "the heap's hash after trimming")
  end
  local function fail()
    local outcome = vat:message "spin"
    same(outcome.fault, "memory")
    same(vat.vat:heap_hash(), hashes[#hashes], "the heap's hash after a fault")
    between(vat)
  end
  step("grow", 100)
  fail()
  for _ = 1, 4 do step("grow", 4000) end
  fail()
  step("drop", 9000)
  step("waste", 5000)
  fail()
  vat:deliver { kind = "bring_out_your_dead" }
  step("drop", 10)
  vat:deliver { kind = "bring_out_your_dead" }
  step("waste", 3000)
  fail()
  step("grow", 2000)
  vat.vat:deliver { kind = "message", target = "o+0", result = "p-99", method = "drop", args = { 5 } }
  vat.vat:undo()
  step("grow", 10)
  same(vat:values("grow", 0), 2020)
  lone.clean()
  return hashes
end

describe("trimming a vat", function()
  after_each(lone.clean)
  after_each(helpers.clean)

  it("changes nothing of its heap, nor of what comes after", function()
    local plain = play(function() end)
    local trimmed = play(function(vat) vat.vat:trim() end)
    same(trimmed, plain, "hashes")
  end)

  it("gives back what a large heap, a large message and a large answer have needed", function()
    local vat = open()
    vat:call("waste", 10)
    vat.vat:trim()
    local before = vat.vat:memory()
    vat:call("grow", 20000)
    vat:call("pass", ("x"):rep(300 * KIB))
    assert(vat.vat:memory() > before + 3000 * KIB, vat.vat:memory())
    vat:call("drop", 0)
    vat:deliver { kind = "bring_out_your_dead" }
    assert(vat.vat:resident() > 3000 * KIB, vat.vat:resident())
    vat.vat:trim()
    local after = vat.vat:memory()
    assert(after <= before + 128 * KIB, ("%d bytes, and %d before"):format(after, before))
    assert(vat.vat:resident() <= after, vat.vat:resident())
  end)

  it("makes the tables small that many references have needed", function()
    local vat = open()
    vat:deliver { kind = "bring_out_your_dead" }
    vat.vat:trim()
    local before = vat.vat:memory()
    for i = 1, 40 do
      local list = {}
      for n = 1, 100 do list[n] = lone.ref("o-" .. i * 100 + n, "Thing") end
      vat:call("hold", table.unpack(list))
    end
    assert(vat.vat:heap_live() > before + 300 * KIB, vat.vat:heap_live())
    vat:call "free"
    vat:deliver { kind = "bring_out_your_dead" }
    vat.vat:trim()
    local after = vat.vat:memory()
    assert(after <= before + 32 * KIB, ("%d bytes, and %d before"):format(after, before))
  end)

  it("keeps the vatstore's rows, in order, however few of them are left", function()
    local vat = open()
    vat:call("fill", 1, 10)
    vat.vat:trim()
    local before = vat.vat:memory()
    vat:call("fill", 11, 20000)
    vat:call("clear", 4000)
    assert(vat.vat:memory() > before + 300 * KIB, vat.vat:memory())
    local want <const> = "k04000=v4000 k08000=v8000 k12000=v12000 k16000=v16000 k20000=v20000"
    same(vat:values "keys", want)
    vat:deliver { kind = "bring_out_your_dead" }
    vat.vat:trim()
    local after = vat.vat:memory()
    assert(after <= before + 128 * KIB, ("%d bytes, and %d before"):format(after, before))
    same(vat:values "keys", want)
    vat:call("fill", 3999, 4001)
    vat.vat:trim()
    same(vat:values "keys", "k03999=v3999 k04000=v4000 k04001=v4001" .. want:sub(13))
  end)

  it("does nothing to one that had no delivery since", function()
    local vat = open()
    vat.vat:trim()
    local size = vat.vat:memory()
    vat.vat:trim()
    same(vat.vat:memory(), size)
    same(test.vat { main = MAIN }:memory() > 0, true, "one that never had any")
  end)
end)
