--- When a kernel commits, and what is there after a restart.

local helpers = require "spec.support.helpers"
local shared = require "spec.conformance.restart.shared"

local COUNTER = shared.COUNTER
local same = helpers.same

describe("restart: commits", function()
  after_each(helpers.clean)

  --- How far the counter has come in the last commit: looked up in a copy of the files.
  local function committed(k)
    local copy = helpers.folder() .. "/copy.db"
    helpers.copy_db(helpers.db(k), copy)
    local other = helpers.open(copy)
    local row = helpers.row(other:baggage "counter", "key", "count")
    helpers.close(other)
    return row and row.value or 0
  end

  local function counting(open, n)
    local k = helpers.kernel { db = true, open = open, vats = { counter = COUNTER } }
    k:run()
    for _ = 1, n do
      k:send("counter", "up"):release()
    end
    return k
  end

  it("commit_every = 1 commits each crank", function()
    local k = counting({}, 5)
    for i = 1, 5 do
      k:step()
      same(committed(k), i, "after crank " .. i)
    end
  end)

  it("commit_every = 10 commits every tenth crank", function()
    local k = counting({ commit_every = 10 }, 25)
    k:commit()
    local seen = {} -- what was committed after each crank
    for i = 1, 25 do
      k:step()
      seen[i] = committed(k)
    end
    for i = 2, 25 do
      assert(seen[i] >= seen[i - 1] and seen[i] <= i, helpers.show(seen))
    end
    local distinct = 0
    for i = 2, 25 do
      distinct = distinct + (seen[i] ~= seen[i - 1] and 1 or 0)
    end
    assert(distinct >= 2 and distinct <= 3, "commits, as they were seen: " .. helpers.show(seen))
    assert(k:step() == false)
    same(committed(k), 25, "when there is nothing to do")
  end)

  it("commit_ms commits when the time has passed", function()
    local k = counting({ commit_every = 1000000, commit_ms = 1 }, 1000)
    local started, cranks = os.clock(), 0
    while os.clock() - started < 0.05 do
      k:step()
      cranks = cranks + 1
      if cranks == 900 then break end
    end
    while os.clock() - started < 0.05 do end -- luacheck: ignore
    k:step()
    assert(committed(k) > 0, "nothing was committed after " .. cranks .. " cranks and 50 ms")
  end)

  it("commit(), close() and reading an outcome commit", function()
    local k = counting({ commit_every = 1000000 }, 1)
    k:commit()
    k:step()
    same(committed(k), 0, "before commit()")
    k:commit()
    same(committed(k), 1, "after commit()")
    local handle = k:send("counter", "up")
    k:send("counter", "up"):release()
    k:send("counter", "up"):release()
    k:step()
    k:step()
    same(committed(k), 1, "before the outcome is read")
    handle:values()
    same(committed(k), 3, "after values()")
    k:step()
    k = helpers.reopen(k)
    same(helpers.row(k:baggage "counter", "key", "count").value, 4, "after close()")
  end)

  it("reading an outcome and an idle step commit what a listing wrote before", function()
    local k = counting({ commit_every = 1000000 }, 0)
    k:commit()
    local handle = k:send("counter", "up")
    k:step()
    k:dump() -- writes what changed into the open transaction
    same(committed(k), 0, "after dump()")
    handle:values()
    same(committed(k), 1, "after values()")
    k:send("counter", "up"):release()
    k:step()
    k:dump()
    same(committed(k), 1, "after dump()")
    same(k:step(), false, "the idle step")
    same(committed(k), 2, "after the idle step")
  end)

  it("run() stops at its limit and says how many cranks it did", function()
    local k = counting({ commit_every = 1000000 }, 20)
    same(k:run { cranks = 7 }, 7, "the first part")
    same(committed(k), 7, "run commits")
    same(k:run(), 13, "the rest")
    same(k:run(), 0, "nothing more")
  end)
end)
