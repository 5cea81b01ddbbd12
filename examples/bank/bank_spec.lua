--- How vats are tested: a kernel in memory, the cluster in it, and calls from outside.

local moonvat = require "moonvat"

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

describe("the bank", function()
  local k, said

  before_each(function()
    said = {}
    k = moonvat.open {
      db = ":memory:",
      log = function(entry)
        said[#said + 1] = entry.vat .. ": " .. entry.text
      end,
    }
    k:launch(here .. "/bank.lua")
    k:run()
  end)

  after_each(function()
    k:close()
  end)

  it("has had its first day when it is launched", function()
    assert.equal("teller: Day 1. Ann has 80, Ben has 50.", said[1])
    assert.equal("teller: Day 1 is over. Ann has 80, Ben has 70.", said[#said])
  end)

  it("refuses an overdraft, and says why", function()
    assert.equal("ben: Not a house today: need 1000, have 70.", said[#said - 1])
    assert.equal(70, k:call("ben", "balance"))
  end)

  it("goes on with the balances on the next day", function()
    k:call("teller", "business_day")
    assert.equal("teller: Day 2 is over. Ann has 80, Ben has 90.", said[#said])
  end)

  it("sells the house to who has saved for it", function()
    local reference = k:call("mint", "make_purse", 1000)
    k:call("ben", "receive", reference, "an aunt", "being a nephew")
    k:call("teller", "business_day")
    assert.equal("teller: 1000 from Ben for a house. Here are the keys!", said[#said - 1])
    assert.equal(90, k:call("ben", "balance"))
  end)

  it("makes money only for wages", function()
    local before = k:call("mint", "supply")
    k:call("teller", "business_day")
    assert.equal(before + 20, k:call("mint", "supply"))
  end)

  it("is in order inside", function()
    assert.same({}, k:audit())
  end)
end)
