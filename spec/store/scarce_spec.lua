--- Memory that runs out at any moment: a clear message, and the database is at a commit.
--
-- SQLite's memory and that of the program's Lua are errors; that of the kernel itself ends the
-- process, on purpose, so those histories are played in child processes. FULL=1 leaves out none.

local helpers = require "spec.support.helpers"
local ordeals = require "spec.support.ordeal" -- loads moonvat, which is what scarce hooks into
local pace = require "spec.support.pace"
local scarce = require "moonvat.scarce"

local FULL <const> = os.getenv "FULL" ~= nil
local SIGABRT <const> = 6
local FOR_EVER <const> = 1 << 40

local function nothing_fails()
  scarce.plan("range", 0)
end

describe("memory that runs out", function()
  local ordeal

  setup(function()
    ordeal = ordeals.new(helpers.folder(true) .. "/kernel.db")
  end)

  teardown(helpers.clean)
  after_each(nothing_fails)

  local function count_points(kind)
    scarce.plan(kind, 0)
    local run = ordeal:play()
    local count = scarce.count()
    nothing_fails()
    assert(not run.reason, run.reason)
    ordeal:judge(run, "undisturbed")
    return count
  end

  --- Plays it in a child process: the run, how the process ended, what it said.
  local function play_apart(kind, n, times)
    local status, text, acknowledged, tried = scarce.fork(function()
      scarce.plan(kind, n, times)
      local run = ordeal:play(scarce.say)
      assert(scarce.failed() > 0, "nothing failed")
      nothing_fails()
      error(run.reason or "went on", 0)
    end)
    return { acknowledged = acknowledged, tried = math.max(tried, 0), reason = text }, status, text
  end

  for _, case in ipairs {
    { "once", 1, FULL and 1 or pace.stride(79) }, { "from then on", FOR_EVER, FULL and 1 or pace.stride(83) },
  } do
    local how, times, stride = table.unpack(case)
    it(("of SQLite, %s, stops the kernel (one in %d of at least 4000 points)"):format(how, stride), function()
      local count, stopped = count_points "sqlite", 0
      assert(count >= 4000, "only " .. count .. " points")
      for n = 1, count, stride do
        scarce.plan("sqlite", n, times)
        local run = ordeal:play()
        assert(scarce.failed() > 0, "nothing failed")
        nothing_fails()
        local what = ("taking %d, %s"):format(n, how)
        if run.reason then
          stopped = stopped + 1
          helpers.says(run.reason, { "kernel.db: ", "out of memory", "give this program more memory" }, what)
        end
        ordeal:judge(run, what)
      end
      assert(stopped > count / stride * 0.9, "only " .. stopped .. " stopped the kernel")
    end)
  end

  local stride <const> = FULL and 1 or pace.stride(5)
  it(("of the kernel ends the process with a message (one in %d of at least 400 points)"):format(stride), function()
    local count = count_points "host"
    assert(count >= 400, "only " .. count .. " points")
    for n = 1, count, stride do
      local run, status, text = play_apart("host", n, 1)
      local what = "taking " .. n
      helpers.same(status, -SIGABRT, what .. ": how the process ended, saying: " .. text)
      assert(text:find "^moonvat: out of memory %(%d+ bytes%)\n$", what .. ": " .. text)
      ordeal:judge(run, what)
    end
  end)

  -- Lua collects its garbage and asks once more, so only a second refusal is an error.
  for _, case in ipairs { { "twice", 2 }, { "from then on", FOR_EVER } } do
    local how, times = table.unpack(case)
    it(("of the program's Lua, %s, is an error (one in %d of at least 200 points)"):format(how, stride),
      function()
        local count, errors = count_points "lua", 0
        assert(count >= 200, "only " .. count .. " points")
        for n = 1, count - 20, stride do
          local run, status, text = play_apart("lua", n, times)
          local what = ("taking %d, %s"):format(n, how)
          helpers.same(status, 1, what .. ": how the process ended, saying: " .. text)
          if text ~= "went on" then
            errors = errors + 1
            helpers.says(text, "not enough memory", what)
          end
          run.interrupted = true
          ordeal:judge(run, what)
        end
        assert(errors > count / stride / 2, "only " .. errors .. " errors")
      end)
  end
end)

describe("addresses that run out", function()
  after_each(function()
    nothing_fails()
    helpers.clean()
  end)

  local COUNTER <const> = [[
    return function(vat)
      local count = 0
      return Far("Counter", { up = function() count = count + 1; return count end })
    end
  ]]
  local WHAT_TO_DO <const> = { "no memory or addresses left for its heap", "ulimit -v", "memory_limit" }

  it("refuse a launch, which leaves nothing, and goes through when there are some again", function()
    local k = helpers.kernel { launch = false }
    local config, folder = helpers.config { vats = { one = COUNTER, two = COUNTER } }
    local before = k:dump()
    for n = 1, 2 do
      scarce.plan("range", n)
      helpers.says(helpers.raises("launch", k.launch, k, config, folder), WHAT_TO_DO)
      helpers.same(k:dump(), before, "what a refused launch left")
    end
    k:launch(config, folder)
    helpers.same(helpers.call(k, "two", "up"), 1)
  end)

  it("park the messages of a vat that cannot be brought back; resume_vat delivers them", function()
    local k = helpers.kernel { db = true, vats = { one = COUNTER, two = COUNTER } }
    helpers.call(k, "one", "up")
    k = helpers.reopen(k)
    local handle = helpers.send(k, "one", "up")
    scarce.plan("range", 1)
    helpers.run(k)
    nothing_fails()
    helpers.same(handle:status(), "unresolved")
    helpers.says(helpers.vat(k, "one").fault, WHAT_TO_DO)
    helpers.same(helpers.call(k, "two", "up"), 1, "the other vat")
    k:resume_vat "one"
    helpers.run(k)
    helpers.same(handle:values(), 2, "the message that waited")
  end)

  it("fail an upgrade, and the vat goes on as it was", function()
    local k, logs = helpers.kernel { vats = { one = COUNTER } }
    helpers.call(k, "one", "up")
    local handle = helpers.hold(k, k:upgrade_vat("one", {}))
    scarce.plan("range", 1)
    helpers.run(k)
    nothing_fails()
    helpers.says(tostring(handle:reason().message), WHAT_TO_DO)
    helpers.says(helpers.level(logs, "fault")[1], WHAT_TO_DO)
    helpers.same(helpers.call(k, "one", "up"), 2)
  end)
end)
