--- Numbers in a vat: the same draws each time, and one way of rounding.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"
local shared = require "spec.vat.machine.shared"

local open, run, message, close_all = shared.open, shared.run, shared.message, shared.close_all
local same, says = helpers.same, helpers.says

describe("chance and rounding in a vat", function()
  after_each(close_all)

  local DRAWS <const> = [[
    local draws = {}
    for i = 1, 20 do
      draws[i] = i % 2 == 0 and math.random(-3, 3) or math.random()
      assert(i % 2 == 0 or draws[i] >= 0 and draws[i] < 1)
    end
    draws[21], draws[22] = math.random(0), math.random(6)
    return draws
  ]]

  it("math.random gives each vat the same numbers, and goes on where it was", function()
    local v = open()
    local first, second = run(v, DRAWS), run(v, DRAWS)
    local other = open { number = 9 }
    same(run(other, DRAWS), first)
    same(run(other, DRAWS), second)
    assert(helpers.show(first) ~= helpers.show(second))
  end)

  it("math.randomseed starts it anew; an undone delivery draws nothing", function()
    local v = open()
    local seeded = run(v, "math.randomseed(42) " .. DRAWS)
    local next_ones = run(v, DRAWS)
    same(run(v, "math.randomseed(42) " .. DRAWS), seeded)
    v:deliver { kind = "message", target = "o+0", method = "run", args = { DRAWS } }
    v:undo()
    same(run(v, DRAWS), next_ones)
    assert(helpers.show(run(v, "math.randomseed(43) " .. DRAWS)) ~= helpers.show(seeded))
    says(message(v, "math.random(2, 1)"), "interval is empty")
  end)

  it("gives what Lua gives for the same seed, and refuses what Lua refuses", function()
    for _, seeds in ipairs { "1", "42", "-7, 3", "math.mininteger, math.maxinteger", "5.0, 2" } do
      local code = ("return math.randomseed(%s)"):format(seeds)
      local numbers = "local draws = {} for i = 1, 50 do draws[i] = i % 2 == 0 and "
        .. "math.random(-3, 1 << (i % 62)) or math.random() end return draws"
      local v = open()
      same({ run(v, code) }, { assert(load(code))() }, "what randomseed returns")
      same(run(v, numbers), assert(load(numbers))(), "numbers of " .. seeds)
    end
    local v = open()
    for _, wrong in ipairs { "1.5", "'x'", "nil", "{}", "1, 2.5" } do
      local code = ("math.randomseed(%s)"):format(wrong)
      local _, reason = pcall(assert(load(code)))
      says(message(v, code), (tostring(reason):gsub("^.-: ", "")))
    end
  end)

  it("math.random covers a range evenly, the whole of the integers too", function()
    local counts = run(open(), [[
      local counts = {}
      for _ = 1, 6000 do
        local face = math.random(6)
        counts[face] = (counts[face] or 0) + 1
      end
      assert(math.type(math.random(math.mininteger, math.maxinteger)) == "integer")
      assert(math.random(5, 5) == 5)
      return counts
    ]])
    same(#counts, 6)
    for _, count in ipairs(counts) do
      assert(count > 850 and count < 1150, count)
    end
  end)

  it("floats are rounded as always, however the host rounds them", function()
    local THIRD <const> = [[ return ("%.20f"):format(1 / 3), 2^-1060 ]]
    local v = open()
    local third, tiny = run(v, THIRD)
    local rounds_up = test.round "up"
    local ok, again, tiny_again = pcall(run, v, THIRD)
    local host = ("%.20f"):format(1 / tonumber "3")
    test.round "nearest"
    same({ ok, again, tiny_again }, { true, third, tiny })
    same(host ~= third, rounds_up, "the host")
  end)
end)
