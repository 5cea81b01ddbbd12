--- What somebody probably meant.

local nearest = require "moonvat.nearest"

local WORDS <const> = { "memory_limit", "time_limit", "vats", "run", "call" }

describe("the nearest word", function()
  it("forgives a letter left out, added, changed or swapped", function()
    for typed, meant in pairs {
      memory_limt = "memory_limit", memory_limitt = "memory_limit", time_linit = "time_limit",
      vat = "vats", vtas = "vats", rnu = "run", cal = "call", timelimit = "time_limit",
    } do
      assert.equal(meant, nearest.find(typed, WORDS), typed)
    end
  end)

  it("does not guess wildly", function()
    for _, typed in ipairs { "x", "", "quit", "bundles", ("memory_limit"):rep(100) } do
      assert.is_nil(nearest.find(typed, WORDS), typed)
    end
    assert.is_nil(nearest.find("run", {}))
  end)

  it("comes as a hint behind a message, or not at all", function()
    assert.equal(" (did you mean run?)", nearest.hint("runn", WORDS))
    assert.equal("", nearest.hint("quit", WORDS))
    assert.equal("", nearest.hint(5, WORDS))
  end)
end)
