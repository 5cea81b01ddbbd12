--- Ascending lists of numbers.

local basetest = require "moonvat.basetest"

describe("a list of numbers", function()
  it("is ascending, with each number once, in whatever order they come", function()
    local said, list = basetest.numbers({ 5, 1, 9, 5, 3, 1, 0 }, {})
    assert.equal("1110101", said)
    assert.same({ 0, 1, 3, 5, 9 }, list)
  end)

  it("takes out what is there, and says of the rest that it was not", function()
    local said, list = basetest.numbers({ 2, 4, 6 }, { 4, 4, 1, 7, 6 })
    assert.equal("111" .. "10001", said)
    assert.same({ 2 }, list)
  end)

  it("is as a set would be, however many come and go", function()
    local set, added, removed, want = {}, {}, {}, {}
    local function number(i, seed)
      return i * seed % 1009
    end
    for i = 1, 800 do
      added[i] = number(i, 577)
      set[added[i]] = true
    end
    for i = 1, 500 do
      removed[i] = number(i, 211)
      set[removed[i]] = nil
    end
    for key in pairs(set) do
      want[#want + 1] = key
    end
    table.sort(want)
    local _, list = basetest.numbers(added, removed)
    assert.same(want, list)
  end)
end)
