--- Vats that loop, eat memory or attack Lua itself: each ends, nothing of it stays, the vat goes on.

local helpers = require "spec.support.helpers"
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

local ENDLESS <const> = {
  ["a loop"] = "while true do end",
  ["a loop in pcall, for ever"] = "while true do pcall(function() while true do end end) end",
  ["a loop in coroutines in pcall"] = [[
    while true do
      pcall(coroutine.wrap(function() pcall(function() while true do end end) end))
    end]],
  ["coroutines that run a few instructions each"] = [[
    while true do coroutine.wrap(function() return 1 end)() end]],
  ["coroutines in coroutines"] = [[
    local function nest(n)
      if n == 0 then while true do end end
      return coroutine.wrap(function() return nest(n - 1) end)()
    end
    while true do pcall(nest, 150) end]],
  ["a loop in __index"] = [[
    return setmetatable({}, { __index = function() while true do end end }).x]],
  ["a loop in __tostring"] = [[
    tostring(setmetatable({}, { __tostring = function() while true do end end }))]],
  ["a loop in __close, which never runs, and one after it"] = [[
    local mt = {}
    local object = setmetatable({}, mt)
    mt.__close = function() while true do end end
    pcall(function() local x <close> = object end)
    while true do end]],
  ["a loop in __gc, which never runs, and one after it"] = [[
    local mt = {}
    setmetatable({}, mt)
    mt.__gc = function() while true do end end
    while true do local x = { {} } end]],
  ["a sort whose comparator loops"] = [[
    table.sort({ 1, 2, 3 }, function() while true do end end)]],
  ["a gsub whose callback loops"] = [[("abc"):gsub(".", function() while true do end end)]],
  ["a handler of xpcall that loops"] = "xpcall(error, function() while true do end end)",
  ["errors in handlers of errors, for ever"] = [[
    while true do xpcall(error, function(e) error(e) end) end]],
  ["a generic for over an endless iterator"] = "for _ in function() return 1 end do end",
  ["loads, for ever"] = [[while true do load(("x = 1 "):rep(20000)) end]],
  ["a pattern that backtracks exponentially"] = [[
    string.find(("a"):rep(30), ("a?"):rep(30) .. ("a"):rep(30))]],
  ["a pattern with four lazy repetitions"] = [[
    while true do string.find(("a"):rep(400), ".-.-.-.-b") end]],
  ["a frontier and a balance over a long text"] = [[
    local text = ("("):rep(100000)
    while true do text:find("%b()") end]],
  ["gsub over a long text, for ever"] = [[
    local text = ("ab"):rep(10000)
    while true do text:gsub("a", "b") end]],
  ["table.move over all integers"] = "table.move({}, 1, math.maxinteger - 1, 2)",
  ["table.insert with a lying length"] = [[
    table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)]],
  ["table.concat with a lying length"] = [[
    table.concat(setmetatable({}, {
      __len = function() return 1 << 60 end, __index = function() return "" end,
    }))]],
  ["table.unpack of a million, for ever"] = "while true do pcall(table.unpack, {}, 1, 9e5) end",
  ["utf8.len of a long text, for ever"] = [[
    local text = ("é"):rep(1000000)
    while true do utf8.len(text) end]],
  ["next on a large table that was emptied"] = [[
    local t = {}
    for i = 1, 2 ^ 16 do t["k" .. i] = i end
    for k in pairs(t) do t[k] = nil end
    while true do next(t) end]],
  ["formats, for ever"] = [[while true do ("%99.99f"):format(1e300) end]],
  ["reads of a frozen metatable, for ever"] = [[while true do pcall(getmetatable, "") end]],
}

local HUNGRY <const> = {
  ["a table that grows"] = "local t = {} for i = 1, math.huge do t[i] = i end",
  ["tables in a table, in pcall, for ever"] = [[
    local t = {}
    while true do pcall(function() while true do t[#t + 1] = { 1, 2, 3 } end end) end]],
  ["string.rep to 2^60"] = [[pcall(string.rep, "x", 1 << 60)]],
  ["string.rep with a separator"] = [[pcall(string.rep, "x", 1 << 40, "yyyy")]],
  ["a string that doubles"] = [[local s = "x" while true do s = s .. s end]],
  ["long strings in a table"] = [[
    local t = {}
    while true do t[#t + 1] = ("x"):rep(100000) .. #t end]],
  ["a million coroutines"] = [[
    local t = {}
    for i = 1, 1000000 do t[i] = coroutine.create(function() end) end]],
  ["a chain of coroutines"] = [[
    local f = print
    for i = 1, 1000000 do
      local inner = f
      f = coroutine.wrap(function() return inner() end)
    end]],
  ["deep recursion"] = "local function f() return f() + 1 end while true do pcall(f) end",
  ["a huge format"] = [[
    local pieces = {}
    for i = 1, 20 do pieces[i] = ("x"):rep(1000000) end
    return #(("%s"):rep(20)):format(table.unpack(pieces))]],
  ["a huge concat"] = [[
    local pieces = {}
    for i = 1, 200 do pieces[i] = ("x"):rep(100000) end
    return #table.concat(pieces)]],
  ["a huge gsub"] = [[return ("x"):rep(100000):gsub("x", ("y"):rep(1000))]],
  ["a huge pack"] = [[return string.pack("c2147483647", "x")]],
  ["upper of what is nearly too large"] = [[return #("x"):rep(9000000):upper()]],
  ["table.remove with a lying length"] = [[
    table.remove(setmetatable({}, {
      __len = function() return 1 << 60 end, __index = function() return 1 end,
    }), 1)]],
}

describe("a vat that does not end", function()
  after_each(close_all)
  for name, text in pairs(ENDLESS) do
    it("by " .. name .. " is stopped by its time limit", function()
      attack(open { time_limit = 0.02, memory_limit = 32 << 20 }, text, "time")
    end)
    it("by " .. name .. " is stopped by its instruction budget", function()
      attack(open { time_limit = 0, instruction_budget = 200000, memory_limit = 64 << 20 }, text,
        "instructions")
    end)
  end

  it("is stopped after about its time limit", function()
    local v = open { time_limit = 0.1 }
    local begin = os.clock()
    same(deliver(v, "while true do end").fault, "time")
    local seconds = os.clock() - begin
    assert(seconds > 0.08 and seconds < 0.3, seconds)
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
  for name, text in pairs(HUNGRY) do
    it("by " .. name .. " is stopped by its memory limit", function()
      attack(open { time_limit = 10, memory_limit = 16 << 20 }, text, "memory")
    end)
  end

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
      attack(v, HUNGRY["a table that grows"], "memory")
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

-- Each of these corrupts or crashes the Lua that Debian 12 has, unless what leads there is closed.
describe("a known fault of Lua 5.4.4", function()
  after_each(close_all)
  local function gives(name, text, want)
    it("is closed: " .. name, function()
      local v = open { time_limit = 5 }
      same(run(v, text), want)
      same(run(v, "return deliveries"), 2)
    end)
  end

  gives("a __concat that moves the stack", [[
    local function deep(n) return n > 0 and deep(n - 1) + 1 or 0 end
    local mt = {}
    local object = setmetatable({}, mt)
    mt.__concat = function() deep(200) return "X" end
    local ok, text = pcall(function() return "a" .. "b" .. object end)
    return tostring(ok) .. " " .. text]],
    "false script:5: attempt to concatenate a table value (upvalue 'object')")
  gives("a weak table that gets a new metatable in a collection", [[
    local mt = {}
    local t = setmetatable({}, mt)
    mt.__mode = "kv"
    for i = 1, 50 do t[{}] = {} end
    for i = 1, 1000000 do
      local x = { {} }
      if i % 10000 == 0 then setmetatable(t, { __index = mt }) end
    end
    local count = 0
    for _ in pairs(t) do count = count + 1 end
    return count]], 50)
  gives("gmatch that counts wrong after an error", [[
    local next_match = string.gmatch(("x"):rep(300), ("(x?)"):rep(33))
    for i = 1, 30000 do pcall(next_match) end
    local deep = string.gmatch("aaa", ("a?"):rep(250) .. "(")
    for i = 1, 1000 do pcall(deep) end
    return "alive"]], "alive")
  gives("names of variables in errors, nested deeply", [[
    local chunk = load("local a return a" .. (".b"):rep(60000), "=deep")
    local ok, text = pcall(chunk)
    return text]], "deep:1: attempt to index a nil value (local 'a')")
  gives("bytecode with wrong names", [[
    local chunk, text = load("\27Lua\x54\0\x19\x93\r\n\x1a\n", "=chunk")
    return text]], "attempt to load a binary chunk (mode is 't')")
  gives("a chain of coroutines that are closed", [[
    return tostring(coroutine.close)]], "nil")
  gives("unpack of more than there can be", [[
    local _, text = pcall(table.unpack, {}, 1, 1e8)
    local _, more = pcall(table.unpack, {}, math.mininteger, math.maxinteger)
    return text .. ", " .. more]], "too many results to unpack, too many results to unpack")
  gives("source that nests without end", [[
    local _, text = load("return " .. ("("):rep(5000) .. (")"):rep(5000), "=nest")
    return text]], "C stack overflow")
  gives("empty strings, repeated for ever", [[return ("x" .. ("").rep("", 1 << 60))]], "x")
end)
