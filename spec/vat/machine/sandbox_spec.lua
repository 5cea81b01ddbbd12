--- What a vat's Lua has and what it has not.

local helpers = require "spec.support.helpers"
local shared = require "spec.vat.machine.shared"

local open, try, run, message = shared.open, shared.try, shared.run, shared.message
local close_all = shared.close_all
local same, says = helpers.same, helpers.says

local function names(list)
  local words = {}
  for word in list:gmatch "%S+" do
    words[#words + 1] = word
  end
  table.sort(words)
  return words
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
