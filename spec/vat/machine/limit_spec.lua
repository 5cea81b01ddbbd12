--- Limits of a delivery: what counts towards them, and what is left when one was met. The scripts
-- that try to get around them are in spec/vat/hostile_scripts_spec.lua.

local helpers = require "spec.support.helpers"
local pace = require "spec.support.pace"
local test = require "moonvat.test"

local same = helpers.same

local RUNNER = [[
  return function()
    deliveries = 0
    return Far("Runner", {
      run = function(self, text, ...)
        deliveries = deliveries + 1
        return assert(load(text, "=script"))(...)
      end,
    })
  end
]]

local vats = {}

local function open(options)
  options.main = RUNNER
  local v = test.vat(options)
  vats[#vats + 1] = v
  same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

local function close_all()
  for _, v in ipairs(vats) do
    v:close()
  end
  vats = {}
end

local function deliver(v, text, ...)
  return v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = "run", args = { text, ... },
  }
end

--- The first value of what the script returns, or its reason's message.
local function run(v, text, ...)
  local outcome = deliver(v, text, ...)
  same(outcome.fault, nil, "a harmless script")
  v:keep()
  local value = outcome.syscalls[#outcome.syscalls][1].values[1]
  return type(value) == "table" and value.message or value
end

--- The attack must end with one of these faults, and leave the heap as it was.
local function attack(v, text, faults)
  local count, hash = run(v, "return deliveries"), v:heap_hash()
  local outcome = deliver(v, text)
  assert(outcome.fault and faults:find(outcome.fault, 1, true),
    "ended with " .. tostring(outcome.fault) .. ", not " .. faults)
  same({ #outcome.syscalls, #outcome.changes }, { 0, 0 })
  same(v:heap_hash(), hash, "the heap afterwards")
  same(run(v, "return deliveries"), count + 1)
end

describe("a vat that does not end", function()
  after_each(close_all)
  it("is stopped after about its time limit", function()
    local v = open { time_limit = 0.1 }
    local begin = os.clock()
    same(deliver(v, "while true do end").fault, "time")
    local seconds = os.clock() - begin
    assert(seconds > pace.seconds(0.08) and seconds < pace.seconds(0.3), seconds)
  end)

  it("is stopped in whichever thread it runs, though another had the same name before", function()
    local v = open { time_limit = 0.05 }
    for _ = 1, 3 do
      test.thread(function() same(run(v, "return 1"), 1) end)
      test.thread(function() same(deliver(v, "for i = 1, 300000000 do end").fault, "time") end)
      same(deliver(v, "for i = 1, 300000000 do end").fault, "time")
    end
  end)

  it("uses the same part of an instruction budget each time", function()
    local v = open { time_limit = 0, instruction_budget = 50000 }
    local done = run(v, "local n = 0 for i = 1, 20000 do n = n + i end return n")
    same(done, 200010000)
    attack(v, "local n = 0 for i = 1, 60000 do n = n + i end return n", "instructions")
    for count = 1, 3 do -- the budget starts anew with each delivery
      same(run(v, "for i = 1, 20000 do end return ...", count), count)
    end
  end)

  it("pays for each coroutine, however little that runs", function()
    local v = open { time_limit = 0, instruction_budget = 200000 }
    local each = "for i = 1, ... do %s end return ..."
    for _, body in ipairs {
      "coroutine.create(print)", "coroutine.wrap(math.abs)(1)", "coroutine.wrap(function() end)()",
    } do
      same(run(v, each:format(body), 1000), 1000)
      same(deliver(v, each:format(body), 2000).fault, "instructions", body)
    end
  end)

  it("pays for what library functions read, for long lists and for what is refused", function()
    local v = open { time_limit = 0, instruction_budget = 3000000, memory_limit = 256 << 20 }
    local LONG <const> = [[
      local text = ("0123456789abcdef"):rep(20000)
      local stray = "a" .. ("\xbf"):rep(320000)
      local spaces = (" "):rep(320000)
      local list, wide = {}, {}
      for i = 1, 9 do wide[i] = 1 end
      for i = 4, 62 do wide[1 << i] = 1 end
      wide[17] = 1
      for i = 1, 30000 do list[i] = i end
      local deep = {}
      for i = 1, 40 do deep = { deep, deep } end
    ]]
    for _, body in ipairs {
      "tonumber(text, 16)", "text:byte(1, 300000)", "text:sub(2)", "utf8.offset(text, 300000)",
      "pcall(utf8.codes(stray), stray, 1)", "string.packsize(spaces)", "spaces:unpack('')",
      "promise.all(list)", "promise.race(list)", "utf8.offset(text, -300000)",
      "utf8.offset(text, 400000)",
    } do
      same(run(v, LONG .. "for i = 1, ... do " .. body .. " end return ...", 1), 1, body)
      same(deliver(v, LONG .. "for i = 1, ... do " .. body .. " end return ...", 1000).fault,
        "instructions", body)
    end
    same(deliver(v, LONG .. "pcall(function() E.send_only(Far('X', {})):m(deep) end)").fault,
      "instructions", "a value that is refused in the end")
    for _, f in ipairs { "all", "race" } do
      assert(run(v, LONG .. "return promise." .. f .. "(wide)"):find(
        "a list of more than 1000000 promises, the limit", 1, true))
    end
    same(run(v, LONG .. "for i = 1, 99999 do text:sub(i, i):byte() end return 1"), 1)
    same(run(v, LONG .. "for i = 1, 9999 do utf8.offset(text, 1, i) end return 1"), 1)
  end)

  it("pays for each turn that waits", function()
    local v = open { time_limit = 0, instruction_budget = 200000 }
    local text = [[
      local p = promise()
      local function wait() await(p) end
      for i = 1, ... do promise.resolve():next(wait) end
      return ...]]
    same(run(v, text, 500), 500)
    same(deliver(v, text, 2000).fault, "instructions")
  end)

  it("is stopped a thousand times over", function()
    local v = open { time_limit = 0, instruction_budget = 2000 }
    local hash = v:heap_hash()
    for _ = 1, 1000 do
      same(deliver(v, "pcall(function() while true do x = { x } end end)").fault, "instructions")
    end
    same(v:heap_hash(), hash)
    same(run(v, "return deliveries"), 1)
  end)

  it("may take its time when it replays", function()
    local v = open { time_limit = 0.01, instruction_budget = 1000 }
    local outcome = v:deliver({ kind = "message", target = "o+0", result = "p-1", method = "run",
      args = { "for i = 1, 3000000 do end return 1" } }, "replay")
    same(outcome.fault, nil)
  end)
end)

describe("a vat that eats memory", function()
  after_each(close_all)
  it("outside of its heap, in values of promises that go out together, is stopped", function()
    local v = open { time_limit = 20 }
    local text = [[
      local long, list = ("x"):rep(8 << 20), {}
      for i = 1, ... do list[i] = promise.resolve(long) end
      return list]]
    same(deliver(v, text, 8).fault, nil)
    v:undo()
    same(deliver(v, text, 40).fault, "memory")
  end)

  it("is stopped in replay too, by the same limit", function()
    local v = open { memory_limit = 4 << 20 }
    same(v:deliver({ kind = "message", target = "o+0", method = "run",
      args = { "local t = {} while true do t[#t + 1] = {} end" } }, "replay").fault, "memory")
  end)

  it("is held to its limit when a delivery of the collector's has taken it over that", function()
    local v = open { memory_limit = 2 << 20, time_limit = 20 }
    local drop = { kind = "drop_exports" }
    for i = 1, 4000 do drop[i] = "o+" .. i end
    run(v, "fars, kept = {}, {} for i = 1, 4000 do fars[i] = Far('F', {}) end")
    for i = 1, 4 do run(v, "return table.move(fars, ..., ... + 999, 1, {})", i * 1000 - 999) end
    local fill <const> = "for i = 1, ... do kept[#kept + 1] = ('x'):rep(900) .. #kept end return 1"
    local function fill_up(count)
      while not deliver(v, fill, count).fault do v:keep() end
    end
    fill_up(20)
    fill_up(1)
    same(v:deliver(drop).fault, nil)
    v:keep()
    local live = v:heap_live()
    assert(live > 2 << 20, "nothing was taken over the limit: " .. live)
    same(deliver(v, fill, 20).fault, "memory")
    fill_up(1)
    same(v:heap_live(), live)
    drop.kind = "retire_exports"
    same(v:deliver(drop).fault, nil)
    v:keep()
  end)

  it("may raise a text that takes a good part of its limit, or from functions of long names",
    function()
      local v = open { memory_limit = 32 << 20 }
      assert(run(v, "error(('x'):rep(8 << 20), 0)") == ("x"):rep(8 << 20))
      v = open { memory_limit = 5 << 20, time_limit = 20 }
      same(run(v, ([[
        kept = {}
        local function name(n)
          if n == 0 then error("boom", 0) end
          local result = name(n - 1)
          return result
        end
        for i = 1, 3900 do kept[i] = ("x"):rep(1000) .. i end
        return name(15)
      ]]):gsub("name", ("n"):rep(20000))), "boom")
    end)

  it("may make as much garbage as it likes", function()
    local v = open { memory_limit = 2 << 20, time_limit = 10 }
    same(run(v, [[
      local last
      for i = 1, 300000 do last = { i, ("text"):rep(5) .. i } end
      for i = 1, 200 do last = table.concat({ ("x"):rep(50000), i }) end
      for i = 1, 200 do last = string.pack("s", ("x"):rep(50000)) end
      return #last
    ]]), 50008)
  end)

  it("gives back what it had: the next delivery has all of the limit", function()
    local v = open { memory_limit = 16 << 20, time_limit = 10 }
    for _ = 1, 5 do
      attack(v, "local t = {} for i = 1, math.huge do t[i] = i end", "memory")
      same(run(v, "local t = {} for i = 1, 100000 do t[i] = { i } end return #t"), 100000)
    end
  end)
end)

describe("a large heap", function()
  after_each(close_all)

  -- Deliveries over a heap of some megabytes, as text of what the vat then knows.
  local STEP <const> = [[
    step = (step or 0) + 1
    big = big or {}
    for i = 1, 3000 do big[(step * 7 + i * 13) % 20000] = { i, tostring(i * step) } end
    if step % 5 == 0 then big = {} end
    return step]]
  local DIGEST <const> = [[
    local sum, objects = 0, {}
    for key, entry in pairs(big) do sum = (sum * 31 + key + entry[1] + #entry[2]) % 1000000007 end
    for i = 1, 200 do objects[{}] = i end
    for _, number in pairs(objects) do sum = (sum * 31 + number) % 1000000007 end
    return sum]]
  local BAD <const> = {
    "for key in pairs(big) do big[key] = { key } end while true do end",
    "big = nil local t = {} while true do t[#t + 1] = { t } end",
    "while true do local x = ('x'):rep(1000) .. #big end",
  }

  it("is put back by its pages, and nothing of an aborted delivery shows later", function()
    local plain = open { number = 1 }
    local troubled = open { number = 2, time_limit = 0.03 }
    for step = 1, 24 do
      run(plain, STEP)
      run(troubled, STEP)
      attack(troubled, BAD[step % #BAD + 1], "time memory")
      run(plain, "return deliveries") -- attack looks twice
      run(plain, "return deliveries")
      same(run(troubled, DIGEST), run(plain, DIGEST))
    end
    same(troubled:heap_live(), plain:heap_live())
    same(troubled:heap_used(), plain:heap_used())
  end)

  it("is put back by an undo as well", function()
    local v = open {}
    for _ = 1, 4 do run(v, STEP) end
    local hash = v:heap_hash()
    same(deliver(v, STEP).fault, nil)
    assert(v:heap_hash() ~= hash)
    v:undo()
    same(v:heap_hash(), hash)
  end)

  it("gives its pages back for use when it has shrunk", function()
    local v = open { memory_limit = 64 << 20 }
    run(v, "big = {} for i = 1, 100000 do big[i] = { i } end")
    run(v, "big = nil")
    v:deliver { kind = "bring_out_your_dead" }
    v:keep()
    local used = v:heap_used()
    assert(v:heap_live() < 100000, v:heap_live())
    for _ = 1, 20 do
      run(v, "local t = {} for i = 1, 20000 do t[i] = { i } end")
    end
    same(v:heap_used(), used)
  end)
end)
