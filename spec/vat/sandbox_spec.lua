--- What a vat's Lua has, what it has not, and that the rest is as in the Lua that runs this spec.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same, says = helpers.same, helpers.says

local RUNNER = [[
  return function()
    return Far("Runner", {
      run = function(self, text, ...) return assert(load(text, "=script"))(...) end,
    })
  end
]]

local vats = {}

local function open(options)
  options = options or {}
  options.main = RUNNER
  local v = test.vat(options)
  vats[#vats + 1] = v
  helpers.same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

--- Runs the script in the vat: its results as a list, or nil and the reason.
local function try(v, text, ...)
  local outcome = v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = "run", args = { text, ... },
  }
  v:keep()
  if outcome.fault then
    return nil, outcome.fault
  end
  local settled = outcome.syscalls[#outcome.syscalls][1]
  if settled.state == "rejected" then
    return nil, settled.values[1]
  end
  return settled.values
end

local function run(v, text, ...)
  local values, reason = try(v, text, ...)
  if not values then
    error(tostring(reason.message or reason), 2)
  end
  return table.unpack(values, 1, values.n)
end

--- The message of what the script raises, without its place.
local function message(v, text, ...)
  local values, reason = try(v, text, ...)
  assert(not values, "it should have raised")
  return (reason.message:gsub("^script:%d+: ", ""))
end

local function names(list)
  local words = {}
  for word in list:gmatch "%S+" do
    words[#words + 1] = word
  end
  table.sort(words)
  return words
end

local function close_all()
  for _, v in ipairs(vats) do
    v:close()
  end
  vats = {}
end

describe("a vat's Lua", function()
  local v
  before_each(function() v = open() end)
  after_each(close_all)

  local KEYS <const> = [[
    local t, keys = ..., {}
    t = t == "_ENV" and _ENV or _ENV[t]
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
  ]]

  local CONTENTS <const> = {
    _ENV = [[E Far await Error promise print require assert error getmetatable ipairs load next
      pairs pcall rawequal rawget rawlen rawset select setmetatable tonumber tostring type xpcall
      _VERSION coroutine math string table utf8]],
    math = [[abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger
      modf pi rad random randomseed sin sqrt tan tointeger type ult]],
    string = [[byte char find format gmatch gsub len lower match pack packsize rep reverse sub
      unpack upper]],
    table = "concat insert move pack remove sort unpack",
    utf8 = "char charpattern codepoint codes len offset",
    coroutine = "create isyieldable resume running status wrap yield",
  }
  for library, list in pairs(CONTENTS) do
    it("has in " .. library .. " what the manual says, and nothing else", function()
      same(run(v, KEYS, library), names(list))
    end)
  end

  it("has no way out of its globals", function()
    same(run(v, [[return _G, io, os, package, debug, dofile, loadfile, collectgarbage,
      warn, string.dump, coroutine.close, 1]]), nil)
    same(run(v, "return _VERSION"), _VERSION)
  end)

  it("loads text, with a name and an environment", function()
    same(run(v, [[return load("return x", "chunk", "t", { x = 7 })()]]), 7)
    for _, more in ipairs { "", [[, "chunk"]], [[, "chunk", "t"]], [[, nil, nil]] } do
      same(run(v, "return load('return type(print)'" .. more .. ")()"), "function")
    end
    same(run(v, [[return pcall(load("return print", "chunk", "t", nil))]]), false)
    same(run(v, [[return (select(2, load("x =", "=chunk")))]]),
      "chunk:1: unexpected symbol near <eof>")
    same(run(v, [[return (select(2, load("return 1", "chunk", "b")))]]),
      "attempt to load a text chunk (mode is 'b')")
  end)

  it("loads no bytecode, no reader function and no large chunk", function()
    says(run(v, "return (select(2, load(...)))", string.dump(load "return 1")), "binary chunk")
    same(message(v, "load(function() end)"),
      "load: takes a string of Lua text, got function")
    same(run(v, "return load(...) ~= nil", (" "):rep(128 * 1024)), true)
    local _, reason = try(v, "return load(...)", (" "):rep(128 * 1024 + 1))
    same({ reason.name, reason.message },
      { "LimitExceeded", "load: a chunk of 131073 bytes, the limit is 131072 (128 KiB)" })
  end)

  it("catches, raises and selects as Lua does", function()
    same(table.pack(run(v, [[
      local ok, reason = xpcall(function() error({ 1 }, 2) end, function(e) return e[1] + 1 end)
      local _, text = pcall(error, "plain", 0)
      return ok, reason, text, select("#", 1, nil, nil), select(-1, 1, 2), rawequal("a", "a"),
        rawlen { 1, 2 }, tonumber("ff", 16), tonumber "0x1p4", math.type(3.0), "10" + 1
    ]])), table.pack(false, 2, "plain", 3, 2, true, 2, 255, 16.0, "float", 11))
  end)
end)

describe("metatables in a vat", function()
  local v
  before_each(function() v = open() end)
  after_each(close_all)

  for _, event in ipairs { "__gc", "__mode", "__close", "__concat" } do
    it("cannot have " .. event .. " when they are set", function()
      same(message(v, "setmetatable({}, { [...] = true })", event),
        "setmetatable: " .. event .. " is not available in a vat")
      same(run(v, [[return pcall(setmetatable, {}, { [...] = true })]], event), false)
    end)
  end

  it("get no meaning from those four later", function()
    same(table.pack(run(v, [[
      local fired = 0
      local function fire() fired = fired + 1 return "fired" end
      local mt = {}
      local object = setmetatable({}, mt)
      for i = 1, 1000 do setmetatable({}, mt) end
      mt.__gc, mt.__close, mt.__concat, mt.__mode = fire, fire, fire, "kv"
      object[{}] = {}
      local joined, join_error = pcall(function() return "a" .. object end)
      local closed, close_error = pcall(function() local x <close> = object end)
      local garbage = {}
      for i = 1, 1000000 do garbage[i % 16] = { i } end
      return joined, join_error, closed, close_error, fired, next(object) ~= nil
    ]])), table.pack(
      false, "script:8: attempt to concatenate a table value (upvalue 'object')",
      false, "script:9: variable 'x' got a non-closable value", 0, true))
  end)

  it("work as in Lua otherwise", function()
    same(table.pack(run(v, [[
      local mt = {}
      local t = setmetatable({ 1 }, mt)
      mt.__index = function(_, k) return k .. "!" end
      mt.__add = function() return "sum" end
      mt.__call = function(_, x) return x end
      mt.__len = function() return 9 end
      mt.__eq = function() return true end
      mt.__lt = function() return true end
      mt.__tostring = function() return "text" end
      mt.__name = "Name"
      mt.__pairs = function() return next, { a = 1 } end
      local key = pairs(t)(select(2, pairs(t)))
      return t.x, t + 1, t(5), #t, t == setmetatable({}, mt), t < t, tostring(t), key,
        getmetatable(t) == mt
    ]])), table.pack("x!", "sum", 5, 9, true, true, "text", "a", true))
    same(message(v, "setmetatable(setmetatable({}, { __metatable = 1 }), {})"),
      "cannot change a protected metatable")
  end)

  it("of strings are out of reach, and so are their methods", function()
    same(table.pack(run(v, [[
      local hidden = getmetatable("")
      string.upper = function() return "changed" end
      string.sub = nil
      local upper, sub = ("x"):upper(), ("xyz"):sub(2)
      string = nil
      return hidden, upper, sub, ("x"):rep(2), pcall(setmetatable, "", {})
    ]])), table.pack(false, "X", "yz", "xx", false,
      "bad argument #1 to 'setmetatable' (table expected, got string)"))
  end)
end)

describe("addresses in a vat", function()
  local v
  before_each(function() v = open() end)
  after_each(close_all)

  it("are not in what tostring and %s give", function()
    same(table.pack(run(v, [[
      return tostring({}), tostring(print), tostring(function() end),
        tostring(coroutine.create(print)), ("%s|%s"):format({}, print),
        tostring(setmetatable({}, { __name = "Name" })), tostring(nil), tostring(1.5)
    ]])), table.pack("table", "function", "function", "thread", "table|function", "Name", "nil",
      "1.5"))
  end)

  it("are refused to %p", function()
    same(message(v, "return ('%p'):format({})"),
      "'%p' is not available in a vat: addresses are hidden")
  end)

  it("are in no error and no log", function()
    local outcome = v:deliver { kind = "message", target = "o+0", result = "p-1", method = "run",
      args = { [[print({}, print, coroutine.create(print)) error(tostring({}) .. tostring(E))]] } }
    local text = helpers.show(outcome)
    same(text:match "0x%x+", nil)
    says(text, "table\\9function\\9thread")
  end)

  it("are in no message of any function, whatever it is called with", function()
    local text = run(v, [[
      local things = { promise(), E, Far("Thing", {}), E(Far("Thing", {})), print, promise,
        coroutine.create(print), {}, Error { name = "E", message = "m" }, 1.5, "text" }
      local messages = {}
      local function try(f, ...)
        local ok, reason = pcall(f, ...)
        if not ok then messages[#messages + 1] = tostring(reason) end
      end
      local function use(x, y)
        try(function() return x[y] end)
        try(function() x[y] = y end)
        try(function() return x + y end)
        try(function() return x < y end)
        try(function() return x .. y end)
        try(function() return x(y) end)
        try(function() for _ in pairs(x) do end end)
        for name, value in pairs(_ENV) do
          if type(value) == "function" and name ~= "await" then try(value, x, y) end
          for key, f in pairs(type(value) == "table" and value or {}) do
            if type(f) == "function" and key ~= "yield" then
              try(f, x, y)
              try(f, y, x, x)
            end
          end
        end
      end
      for _, x in ipairs(things) do
        for _, y in ipairs(things) do use(x, y) end
      end
      return table.concat(messages, "\n")
    ]])
    assert(#text > 100000)
    local at = text:find "0x%x%x%x+"
    same(at and text:sub(at - 60, at + 20), nil)
  end)

  it("do not order tables: two vats at different addresses iterate alike", function()
    local ORDER <const> = [[
      local keys, order = {}, {}
      for i = 1, 40 do
        keys["key" .. i], keys[i + 0.5], keys[{}] = i, i + 100, i + 200
        keys[function() return i end], keys[-i] = i + 300, i + 400
      end
      keys[print], keys[true] = 500, 501
      for _, number in pairs(keys) do order[#order + 1] = number end
      return order
    ]]
    local order = run(v, ORDER)
    same(#order, 202)
    same(run(open { number = 7 }, ORDER), order)
    same(run(open { number = 12999 }, ORDER), order)
  end)
end)

--- Texts of results, to compare what vat and host give for the same calls.
local COMPARE <const> = [[
  local function text(...)
    local list = table.pack(...)
    for i = 1, list.n do
      local value = list[i]
      if type(value) == "table" then
        local parts = {}
        for j = -12, 24 do parts[#parts + 1] = tostring(value[j]) end
        value = table.concat(parts, ",")
      end
      list[i] = math.type(value) == "float" and ("%a"):format(value) or tostring(value)
    end
    return table.concat(list, "|", 1, list.n)
  end
  local function all(subject, pattern, start)
    local list = {}
    for a, b, c in string.gmatch(subject, pattern, start) do
      list[#list + 1] = text(a, b, c)
    end
    return table.concat(list, ";")
  end
  local results = {}
  for i, call in ipairs(...) do
    local library, name = call.f:match "(%w+)%.(%a+)"
    local f = call.f == "all" and all or _ENV[library][name]
    results[i] = text(pcall(f, table.unpack(call, 1, call.n)))
    if type(call[1]) == "table" then results[i] = results[i] .. " left " .. text(call[1]) end
  end
  return results
]]

--- Numbers for the cases: the same in each run.
local function source(seed)
  return function(count)
    seed = seed * 6364136223846793005 + 1442695040888963407
    return (seed >> 33) % count + 1
  end
end

local function compare(v, calls)
  local got = run(v, COMPARE, calls)
  local want = load(COMPARE, "=script")(calls)
  for i, call in ipairs(calls) do
    if got[i] ~= want[i] then
      error(("%s differs from Lua's\n  vat: %s\n  Lua: %s"):format(helpers.show(call), got[i],
        want[i]), 2)
    end
  end
end

describe("the library of a vat, compared with Lua's own", function()
  local v
  before_each(function() v = open { time_limit = 0 } end)
  after_each(close_all)

  local function copy(call)
    if type(call[1]) == "table" then
      call[1] = table.move(call[1], 1, #call[1], 1, {})
    end
    return call
  end

  it("matches the same patterns, with the same errors", function()
    local ATOMS <const> = { "a", "b", ".", "%a", "%d", "%s", "%w", "%A", "%x", "%p", "[abc]",
      "[^ab]", "[a-c]", "[%a_]", "[]]", "[^]]", "[a-]", "%.", "%%", "%b()", "%bab", "%f[%w]",
      "%f[^a]", "%1", "%2", "()", "(a)", "(.-)", "(.*)", "([ab]+)", "(%a*)", "(a(b)c)", "(", "(b",
      ")", "^", "$", "[", "%", "%f", "%b", "%bx", "[a", "[a-%%]", "\0", "%z", "-", "*", "?" }
    local QUANTIFIERS <const> = { "", "", "", "", "*", "+", "-", "?" }
    local PIECES <const> = { "a", "b", "c", "a", "b", "(", ")", " ", "1", "A", "_", "]", ".", "%",
      "\0", "abab" }
    local REPLACEMENTS <const> = { "<%0>", "%1", "%%", "x", "%2%1", "", "%9", "%", "%a" }
    for round = 1, 4 do
      local pick, calls = source(round), {}
      for _ = 1, 700 do
        local subject, pattern = {}, { pick(6) == 1 and "^" or "" }
        for i = 1, pick(14) - 1 do subject[i] = PIECES[pick(#PIECES)] end
        for _ = 1, pick(5) do
          pattern[#pattern + 1] = ATOMS[pick(#ATOMS)] .. QUANTIFIERS[pick(#QUANTIFIERS)]
        end
        pattern[#pattern + 1] = pick(6) == 1 and "$" or ""
        subject, pattern = table.concat(subject), table.concat(pattern)
        local start = pick(4) == 1 and pick(20) - 10 or 1
        for _, name in ipairs { "string.find", "string.match", "all" } do
          calls[#calls + 1] = { f = name, n = 3, subject, pattern, start }
        end
        calls[#calls + 1] = { f = "string.find", n = 4, subject, pattern, start, true }
        calls[#calls + 1] = { f = "string.gsub", n = 3, subject, pattern,
          REPLACEMENTS[pick(#REPLACEMENTS)] }
        calls[#calls + 1] = { f = "string.gsub", n = 4, subject, pattern,
          { a = "1", b = false, ab = "%1" }, pick(4) - 1 }
      end
      compare(v, calls)
    end
  end)

  it("formats the same, with the same errors", function()
    local VALUES <const> = { 0, 1, -1, 3.0, -0.0, 0.1, 1e300, -1e-300, 1 / 0, -1 / 0,
      math.maxinteger, math.mininteger, "abc", "", "12", "0x10", "a\0b", "a\n\r\"\\\1272\0001",
      true, 255, 3.7, 2 ^ 53, ("x"):rep(120), ("y"):rep(600) }
    local pick, calls = source(5), {}
    for _ = 1, 4000 do
      local spec = { "%" }
      for _ = 1, pick(3) - 1 do spec[#spec + 1] = ("-+ #0"):sub(pick(5)):sub(1, 1) end
      spec[#spec + 1] = pick(2) == 1 and tostring(pick(130)) or ""
      spec[#spec + 1] = pick(3) == 1 and "." .. (pick(3) == 1 and "" or pick(120)) or ""
      spec[#spec + 1] = ("diuoxXeEfgGsqy%"):sub(pick(16)):sub(1, 1)
      local format = (pick(3) == 1 and "text" or "") .. table.concat(spec)
      calls[#calls + 1] = { f = "string.format", n = pick(3), format, VALUES[pick(#VALUES)],
        VALUES[pick(#VALUES)] }
    end
    for _, spec in ipairs { "%c", "%5c", "%-5c", "%a", "%A", "%.3a", "%20a" } do
      calls[#calls + 1] = { f = "string.format", n = 2, spec, 65 }
    end
    compare(v, calls)
  end)

  it("builds the same strings and moves the same elements", function()
    local pick, calls = source(6), {}
    for _ = 1, 1500 do
      local a, b, c = pick(12) - 6, pick(12) - 6, pick(7) - 3
      local word = ("some words 123"):sub(1, pick(15) - 1)
      local list = {}
      for i = 1, pick(8) - 1 do list[i] = pick(6) > 1 and pick(100) or "s" .. pick(9) end
      for _, call in ipairs {
        { f = "string.rep", n = 3, word, a, pick(2) == 1 and "," or "" },
        { f = "string.byte", n = 3, word, a, b }, { f = "string.sub", n = 3, word, a, b },
        { f = "string.upper", n = 1, word }, { f = "string.lower", n = 1, word:upper() },
        { f = "string.reverse", n = 1, word }, { f = "string.char", n = 2, pick(300) - 20, 65 },
        { f = "string.pack", n = 3, "<i4s1", a, word }, { f = "utf8.char", n = 2, pick(70000), 233 },
        { f = "utf8.len", n = 2, word .. "é\xff", a }, { f = "utf8.codepoint", n = 3, word, a, b },
        { f = "table.insert", n = 2, list, "end" }, { f = "table.insert", n = 3, list, a, "in" },
        { f = "table.insert", n = 4, list, 1, 2, 3 }, { f = "table.remove", n = 1, list },
        { f = "table.move", n = 4, list, a, b, c }, { f = "table.unpack", n = 3, list, a, b },
        { f = "table.concat", n = 4, list, ";", a, b }, { f = "table.concat", n = 2, list, ", " },
        { f = "table.sort", n = 1, list }, { f = "table.remove", n = 2, list, #list },
      } do
        calls[#calls + 1] = call
      end
    end
    for i = 1, #calls do calls[i] = copy(calls[i]) end
    compare(v, calls)
  end)
end)

describe("chance and order in a vat", function()
  after_each(close_all)

  local DRAWS <const> = [[
    local draws = {}
    for i = 1, 20 do
      draws[i] = i % 2 == 0 and math.random(-3, 3) or math.random()
      assert(i % 2 == 0 or draws[i] >= 0 and draws[i] < 1)
    end
    draws[21], draws[22] = math.random(0), math.random(6)
    return draws
  ]]

  it("math.random gives each vat the same numbers, and goes on where it was", function()
    local v = open()
    local first, second = run(v, DRAWS), run(v, DRAWS)
    local other = open { number = 9 }
    same(run(other, DRAWS), first)
    same(run(other, DRAWS), second)
    assert(helpers.show(first) ~= helpers.show(second))
  end)

  it("math.randomseed starts it anew; an undone delivery draws nothing", function()
    local v = open()
    local seeded = run(v, "math.randomseed(42) " .. DRAWS)
    local next_ones = run(v, DRAWS)
    same(run(v, "math.randomseed(42) " .. DRAWS), seeded)
    v:deliver { kind = "message", target = "o+0", method = "run", args = { DRAWS } }
    v:undo()
    same(run(v, DRAWS), next_ones)
    assert(helpers.show(run(v, "math.randomseed(43) " .. DRAWS)) ~= helpers.show(seeded))
    says(message(v, "math.random(2, 1)"), "interval is empty")
  end)

  it("math.random covers a range evenly, the whole of the integers too", function()
    local counts = run(open(), [[
      local counts = {}
      for _ = 1, 6000 do
        local face = math.random(6)
        counts[face] = (counts[face] or 0) + 1
      end
      assert(math.type(math.random(math.mininteger, math.maxinteger)) == "integer")
      assert(math.random(5, 5) == 5)
      return counts
    ]])
    same(#counts, 6)
    for _, count in ipairs(counts) do
      assert(count > 850 and count < 1150, count)
    end
  end)

  it("table.sort compares in the same order each time, large and unbalanced lists too", function()
    local SORT <const> = [[
      local list, calls, trace = {}, 0, 0
      for i = 1, 3000 do list[i] = { i // 100 * (i % 2 * 2 - 1), i } end
      table.sort(list, function(a, b)
        calls = calls + 1
        trace = (trace * 31 + a[2] * 7 + b[2]) % 1000000007
        return a[1] < b[1]
      end)
      for i, entry in ipairs(list) do trace = (trace * 31 + entry[2] * i) % 1000000007 end
      return calls, trace
    ]]
    local v = open()
    local calls, trace = run(v, SORT)
    assert(calls > 10000)
    same({ run(v, SORT) }, { calls, trace })
    same({ run(open { number = 5 }, SORT) }, { calls, trace })
  end)

  it("floats are rounded as always, however the host rounds them", function()
    local THIRD <const> = [[ return ("%.20f"):format(1 / 3), 2^-1060 ]]
    local v = open()
    local third, tiny = run(v, THIRD)
    local rounds_up = test.round "up"
    local ok, again, tiny_again = pcall(run, v, THIRD)
    local host = ("%.20f"):format(1 / tonumber "3")
    test.round "nearest"
    same({ ok, again, tiny_again }, { true, third, tiny })
    same(host ~= third, rounds_up, "the host")
  end)

  it("table.sort survives an order that is none", function()
    local failed = run(open(), [[
      local failed = 0
      for round = 1, 40 do
        local list = {}
        for i = 1, 400 do list[i] = i * 7919 % 1000 end
        local calls = 0
        local ok, reason = pcall(table.sort, list, function(a, b)
          calls = calls + 1
          return round % 2 == 0 or a ~= b or calls % round == 0
        end)
        if not ok then
          failed = failed + 1
          assert(reason == "invalid order function for sorting", reason)
        end
      end
      return failed
    ]])
    assert(failed > 10)
  end)
end)
