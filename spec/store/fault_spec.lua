--- A disk that fails at any moment: nothing acknowledged is lost, and nothing is half done.
--
-- A history of vats' lives is played once for each operation on the disk, which fails, and is
-- judged by what is on the disk afterwards: see spec/support/ordeal.lua. FULL=1 leaves out none.

local faulty = require "moonvat.faulty"
local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"
local ordeals = require "spec.support.ordeal"
local pace = require "spec.support.pace"

local FULL <const> = os.getenv "FULL" ~= nil

local function kinds(text)
  local set = {}
  for kind in text:gmatch "%S+" do
    set[kind] = true
  end
  return set
end

local ALL <const> = kinds "open read write sync truncate size delete access lock shm_map shm_lock"
local CHANGES <const> = kinds "write sync truncate delete"
local LOCKS <const> = kinds "lock shm_lock"

--- Plays with the plan on the disk in memory, then puts what is left on the real one.
local function play(ordeal, plan, seed, careless)
  faulty.install()
  faulty.reset()
  faulty.careless(careless or false)
  faulty.plan(plan)
  local run = ordeal:play()
  run.hit, run.count = faulty.hit(), faulty.count()
  faulty.save(seed)
  faulty.remove()
  return run
end

--- The kernel stopped, and said of its store why and what to do.
local function check_reason(run, what)
  if run.reason then
    helpers.says(run.reason, { "kernel.db: ", ", then open it again" }, what)
    assert(run.reason:find "the store failed: .*; it holds the last commit: "
      or run.reason:find "cannot open it: ", what .. ": " .. run.reason)
  end
end

-- Each: what fails how, the seed that says what is left after the nth, or none, how many of the
-- points are left out, and how many there are at least.
local PLANS <const> = {
  { "each operation fails once", { kinds = ALL, mode = "once", code = "io" }, stride = 3, least = 400 },
  { "from each operation on all fail", { kinds = ALL, mode = "on", code = "io" }, stride = 7, least = 400 },
  { "the disk is full for one write", { kinds = kinds "write", mode = "once", code = "full" }, stride = 7,
    least = 250 },
  { "the disk is full from one write on", { kinds = kinds "write", mode = "on", code = "full" },
    stride = 4, least = 250 },
  { "half of a write is done", { kinds = kinds "write", mode = "torn", code = "io" }, stride = 7, least = 250 },
  { "a lock is taken once", { kinds = LOCKS, mode = "once", code = "busy" }, stride = 1, least = 40 },
  { "a lock is taken from one moment on", { kinds = LOCKS, mode = "on", code = "busy" }, stride = 1,
    least = 40 },
  { "the power goes, and what was not synced with it", { kinds = CHANGES, mode = "crash" },
    stride = 4, least = 250, seed = function() return 0 end },
  { "the power goes, and some of what was not synced is there, torn", { kinds = CHANGES, mode = "crash" },
    stride = 1, least = 250, seed = function(n) return n end },
  { "the process ends, and the machine goes on", { kinds = CHANGES, mode = "crash" },
    stride = 7, least = 250, seed = function() return 1 end },
}

describe("a failing disk", function()
  local ordeal

  setup(function()
    ordeal = ordeals.new(helpers.folder(true) .. "/kernel.db")
  end)

  teardown(function()
    faulty.remove()
    helpers.clean()
  end)

  local function count_points(plan)
    plan.at = 0
    local run = play(ordeal, plan)
    assert(not run.reason, run.reason)
    ordeal:judge(run, "undisturbed")
    return run.count
  end

  for _, case in ipairs(PLANS) do
    local name, plan = case[1], case[2]
    local stride = FULL and 1 or pace.stride(case.stride)
    it(("loses nothing: %s (%s of at least %d points)"):format(name,
      stride == 1 and "all" or "one in " .. stride, case.least), function()
      local count = count_points(plan)
      assert(count >= case.least, "only " .. count .. " points")
      for n = 1, count, stride do
        plan.at = n
        local run = play(ordeal, plan, case.seed and case.seed(n))
        local what = ("%s: operation %d, a %s"):format(name, n, tostring(run.hit))
        assert(run.hit, what .. ": it did not fail")
        check_reason(run, what)
        if n % 2 == 0 then
          os.remove(ordeal.path .. "-lock") -- it is not synced: after a crash it may be gone
        end
        ordeal:judge(run, what)
      end
    end)
  end

  it("that syncs nothing does lose commits, and this is noticed", function()
    local lost, noticed, tried = 0, 0, 0
    local plan = { kinds = CHANGES, mode = "crash" }
    for n = 170, count_points(plan), FULL and 1 or 13 do
      for _, lock in ipairs { true, false } do
        plan.at = n
        local run = play(ordeal, plan, 0, true)
        if not lock then
          os.remove(ordeal.path .. "-lock")
        end
        local good, why = pcall(ordeal.judge, ordeal, run, "careless")
        tried = tried + 1
        lost = lost + (good and 0 or 1)
        noticed = noticed + (not good and lock and why:find "has less than was committed to it" and 1 or 0)
        helpers.remove_db(ordeal.path)
        os.remove(ordeal.path .. "-lock")
      end
    end
    assert(tried >= 20 and lost > tried * 0.9, ("%d of %d were lost"):format(lost, tried))
    assert(noticed > tried * 0.4, ("%d of %d were noticed by the kernel itself"):format(noticed, tried))
  end)
end)

describe("a disk that fails while it is read", function()
  after_each(function()
    faulty.remove()
    helpers.clean()
  end)

  local LISTINGS <const> = { "vats", "clusters", "objects", "promises", "queue", "bundles", "stats", "audit",
    "dump" }
  local OF_VATS <const> = { "clist", "vatstore", "baggage" }

  --- All listings as one text.
  local function look(path)
    local k <close> = moonvat.open { db = path, readonly = true }
    local texts = {}
    for _, name in ipairs(LISTINGS) do
      texts[#texts + 1] = helpers.show(k[name](k))
    end
    for _, name in ipairs(OF_VATS) do
      texts[#texts + 1] = helpers.show(k[name](k, "ledger"))
    end
    texts[#texts + 1] = helpers.show(k:holders "ko1") .. helpers.show(k:show "ko1")
    return table.concat(texts, "\n")
  end

  it("makes each listing an error, or leaves it whole", function()
    local path = helpers.folder(true) .. "/kernel.db"
    local ordeal = ordeals.new(path)
    faulty.install()
    faulty.reset()
    assert(not ordeal:play().reason)
    helpers.write(path, "") -- a reader looks for its name first
    faulty.plan { kinds = ALL }
    local whole = look(path)
    local count, refused = faulty.count(), 0
    assert(count > 20, "only " .. count .. " points")
    for _, mode in ipairs { "once", "on" } do
      for n = 1, count do
        faulty.plan { kinds = ALL, mode = mode, at = n }
        local ok, text = pcall(look, path)
        local what = ("operation %d, a %s, %s"):format(n, tostring(faulty.hit()), mode)
        if ok then
          helpers.same(text, whole, what)
        else
          refused = refused + 1
          helpers.says(text, "kernel.db: ", what)
        end
      end
    end
    assert(refused > count, ("%d of %d were refused"):format(refused, 2 * count))
  end)
end)
