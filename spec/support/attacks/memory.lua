--- Scripts that take more memory than they may.

local M = {}

M.hungry = {
  ["a table that grows"] = "local t = {} for i = 1, math.huge do t[i] = i end",
  ["a table that grows by names"] = "local t = {} for i = 1, math.huge do t['k' .. i] = i end",
  ["tables in a table, in pcall, for ever"] = [[
    local t = {}
    while true do pcall(function() while true do t[#t + 1] = { 1, 2, 3 } end end) end]],
  ["a list linked by its tables"] = "local t while true do t = { t } end",
  ["globals"] = "for i = 1, math.huge do _ENV['g' .. i] = {} end",
  ["string.rep to 2^60"] = [[pcall(string.rep, "x", 1 << 60)]],
  ["string.rep with a separator"] = [[pcall(string.rep, "x", 1 << 40, "yyyy")]],
  ["string.rep of what is long"] = [[return #("x"):rep(100 << 20)]],
  ["a string that doubles"] = [[local s = "x" while true do s = s .. s end]],
  ["a string that grows"] = [[local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end]],
  ["a concatenation of many"] = [[
    local s = ("x"):rep(1 << 20)
    return #(s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s)]],
  ["long strings in a table"] = [[
    local t = {}
    while true do t[#t + 1] = ("x"):rep(100000) .. #t end]],
  ["a million coroutines"] = [[
    local t = {}
    for i = 1, 1000000 do t[i] = coroutine.create(function() end) end]],
  ["a million coroutines that wait"] = [[
    local t = {}
    for i = 1, 1000000 do t[i] = coroutine.wrap(function() coroutine.yield() end) t[i]() end]],
  ["a chain of coroutines"] = [[
    local f = print
    for i = 1, 1000000 do
      local inner = f
      f = coroutine.wrap(function() return inner() end)
    end]],
  ["closures"] = "local t = {} for i = 1, math.huge do t[i] = function() return i end end",
  ["a chain of upvalues"] = [[
    local f = function() end
    while true do local inner = f f = function() return inner end end]],
  ["metatables"] = "local t while true do t = setmetatable({}, { __index = t }) end",
  ["deep recursion"] = "local function f() return f() + 1 end while true do pcall(f) end",
  ["deep recursion with many locals"] = [[
    local function f(...) local a, b, c, d, e = ... return f(a, b, c, d, e, ...), 1 end
    while true do pcall(f, 1, 2, 3) end]],
  ["chunks that are kept"] = [[
    local t = {}
    while true do t[#t + 1] = load("return " .. #t .. (" + 1"):rep(500)) end]],
  ["promises"] = "local t = {} while true do t[#t + 1] = promise() end",
  ["callbacks of one promise"] = "local p = promise() while true do p:next(print) end",
  ["promises that follow each other"] = [[
    local first = promise()
    while true do local p, resolve = promise() resolve(first) first = p end]],
  ["turns that wait"] = [[
    local p = promise()
    while true do promise.resolve():next(function() await(p) end) end]],
  ["objects"] = "local t = {} while true do t[#t + 1] = Far('Thing', { m = print }) end",
  ["errors"] = "local t = {} while true do t[#t + 1] = Error { message = 'm' } end",
  ["collections"] = "for i = 1, math.huge do vat.map('m' .. i) end",
  ["kinds"] = "for i = 1, math.huge do vat.kind('K' .. i, { m = print }) end",
  ["what lies in few bytes and is read as many"] = [[
    local function repeated(value, count)
      local list = {}
      for i = 1, count do list[i] = value end
      return list
    end
    vat.baggage.bomb = repeated(repeated(repeated({}, 1000), 1000), 2)
    return vat.baggage.bomb]],
  ["values of promises that go out together"] = [[
    local long, list = ("x"):rep(3 << 20), {}
    for i = 1, 200 do list[i] = promise.resolve(long) end
    return list]],
  ["what is recorded of long messages"] = [[
    local long = ("x"):rep(3 << 20)
    while true do E.send_only(victim):ping(long) end]],
  ["what is written to the vatstore"] = [[
    local long = ("x"):rep(3 << 20)
    for i = 1, math.huge do vat.vatstore["k" .. i] = long end]],
  ["what is written to the baggage"] = [[
    local long = ("x"):rep(3 << 20)
    for i = 1, math.huge do vat.baggage["k" .. i] = long end]],
}

return M
