--- kill -9 at any moment, under load: nothing that was acknowledged is lost, nothing happens twice.
--
-- SEED=n and KILLS=n choose other histories, and how many kills; spec/soak.lua does it for long.

local driver = require "spec.support.crash.driver"

local KILLS <const> = math.tointeger(tonumber(os.getenv "KILLS")) or 30
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1

describe("a kernel that is killed at any moment", function()
  it("holds what was acknowledged, and of the rest the first few, whole, once, in order", function()
    local counts = driver.run { seed = SEED, kills = KILLS }
    assert(counts.acknowledged > 10 * KILLS, "too little was acknowledged: " .. counts.acknowledged)
    assert(counts.rests > KILLS / 4, "too little was judged: " .. counts.rests)
    assert(counts.moments.work, "no worker was killed at work")
  end)
end)
