--- Random cranks: what is undone leaves no trace, counts hold after each, and neither a restart nor
--- the blocks of commits show.

local lottery = require "spec.support.lottery"
local pace = require "spec.support.pace"
local play = require "spec.support.play"

local seed <const> = tonumber(os.getenv "SEED") or 20240229

describe("random cranks", function()
  after_each(play.clean)

  it("add up after every one, and an undone one does nothing but what its fault says", function()
    lottery.new {
      seed = seed, illegal = 0.15,
      kernels = { {}, { terse = true }, { flush = 0.7, commit_every = 7 } },
    }:play(pace.rounds(1500))
  end)

  it("come to the same with commits after 1, 7 or 1,000, and restarts between them", function()
    lottery.new {
      seed = seed + 1, audit_every = 5, compare_every = 5,
      kernels = {
        {}, { commit_every = 1, reopen = 0.02, terse = true }, { commit_every = 7, reopen = 0.02 },
        { commit_every = 1000, reopen = 0.01, flush = 0.2 },
      },
    }:play(pace.rounds(800))
  end)

  it("come to the same when what is in memory is seldom written", function()
    lottery.new {
      seed = seed + 2, audit_every = 100, compare_every = 100,
      kernels = { {}, { terse = true }, { commit_every = 1000, reopen = 0.01 } },
    }:play(pace.rounds(3000))
  end)
end)
