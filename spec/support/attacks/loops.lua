--- Scripts that do not end: in every place where Lua calls a function of the script's.

local M = {}

M.endless = {
  ["a loop"] = "while true do end",
  ["a repeat"] = "repeat until false",
  ["a goto"] = "::again:: goto again",
  ["a numeric for without end"] = "for i = 1, math.huge do end",
  ["a numeric for over all integers"] = "for i = math.mininteger, math.maxinteger do end",
  ["a loop in pcall, for ever"] = "while true do pcall(function() while true do end end) end",
  ["loops in nested pcalls"] = [[
    local function deep(n)
      if n == 0 then while true do end end
      pcall(deep, n - 1)
      while true do end
    end
    deep(100)]],
  ["a loop after an error in pcall"] = [[
    while true do pcall(error, {}) end]],
  ["a loop in coroutines in pcall"] = [[
    while true do
      pcall(coroutine.wrap(function() pcall(function() while true do end end) end))
    end]],
  ["a coroutine that yields for ever"] = [[
    local co = coroutine.wrap(function() while true do coroutine.yield() end end)
    while true do co() end]],
  ["coroutines that run a few instructions each"] = [[
    while true do coroutine.wrap(function() return 1 end)() end]],
  ["coroutines that only come to be"] = "while true do coroutine.create(print) end",
  ["coroutines in coroutines"] = [[
    local function nest(n)
      if n == 0 then while true do end end
      return coroutine.wrap(function() return nest(n - 1) end)()
    end
    while true do pcall(nest, 150) end]],
  ["two coroutines that resume each other"] = [[
    local other
    local one = coroutine.wrap(function() while true do other() coroutine.yield() end end)
    other = coroutine.wrap(function() while true do coroutine.yield() end end)
    while true do one() end]],
  ["dead coroutines that are resumed"] = [[
    local co = coroutine.create(error)
    while true do coroutine.resume(co) end]],
  ["a loop in __index"] = [[
    return setmetatable({}, { __index = function() while true do end end }).x]],
  ["a loop in __newindex"] = [[
    setmetatable({}, { __newindex = function() while true do end end }).x = 1]],
  ["a loop in __call"] = [[
    setmetatable({}, { __call = function() while true do end end })()]],
  ["a loop in __eq"] = [[
    local mt = { __eq = function() while true do end end }
    return setmetatable({}, mt) == setmetatable({}, mt)]],
  ["a loop in __lt"] = [[
    local mt = { __lt = function() while true do end end }
    return setmetatable({}, mt) < setmetatable({}, mt)]],
  ["a loop in __le"] = [[
    local mt = { __le = function() while true do end end }
    return setmetatable({}, mt) <= setmetatable({}, mt)]],
  ["a loop in __len"] = "return #setmetatable({}, { __len = function() while true do end end })",
  ["a loop in __unm"] = "return -setmetatable({}, { __unm = function() while true do end end })",
  ["a loop in __add"] = "return 1 + setmetatable({}, { __add = function() while true do end end })",
  ["a loop in __bnot"] = "return ~setmetatable({}, { __bnot = function() while true do end end })",
  ["a loop in __tostring"] = [[
    tostring(setmetatable({}, { __tostring = function() while true do end end }))]],
  ["a loop in __tostring under print"] = [[
    print(setmetatable({}, { __tostring = function() while true do end end }))]],
  ["a loop in __tostring under format"] = [[
    ("%s"):format(setmetatable({}, { __tostring = function() while true do end end }))]],
  ["a loop in __tostring under an error"] = [[
    error(tostring(setmetatable({}, { __tostring = function() while true do end end })))]],
  ["a loop in __pairs"] = [[
    for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end]],
  ["a loop in __index under ipairs"] = [[
    for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end]],
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
  ["a loop in a global that is not there"] = [[
    setmetatable(_ENV, { __index = function() while true do end end })
    return nothing]],
  ["a sort whose comparator loops"] = [[
    table.sort({ 1, 2, 3 }, function() while true do end end)]],
  ["sorts whose comparator lies"] = [[
    local list = {}
    for i = 1, 100 do list[i] = i end
    while true do pcall(table.sort, list, function() return true end) end]],
  ["sorts of a long list"] = [[
    local list = {}
    for i = 1, 1000 do list[i] = i * 7919 % 1009 end
    while true do table.sort(list, function(a, b) return a > b end) table.sort(list) end]],
  ["a gsub whose callback loops"] = [[("abc"):gsub(".", function() while true do end end)]],
  ["a gsub whose table loops"] = [[
    ("abc"):gsub(".", setmetatable({}, { __index = function() while true do end end }))]],
  ["a handler of xpcall that loops"] = "xpcall(error, function() while true do end end)",
  ["a handler of xpcall that loops after a limit was near"] = [[
    xpcall(function() for i = 1, 1000 do end error "x" end, function() while true do end end)]],
  ["errors in handlers of errors, for ever"] = [[
    while true do xpcall(error, function(e) error(e) end) end]],
  ["handlers of handlers"] = [[
    local function handler() return select(2, xpcall(error, handler)) end
    while true do pcall(handler) end]],
  ["a generic for over an endless iterator"] = "for _ in function() return 1 end do end",
  ["endless tail calls"] = "local function f() return f() end f()",
  ["tail calls through pcall"] = "local function f() return pcall(f) end while true do f() end",
  ["mutual recursion that always returns"] = [[
    local function f(n) return n > 0 and f(n - 1) + 1 or 0 end
    while true do f(1000) end]],
  ["a reader that load must not call"] = [[
    pcall(load, function() while true do end end)
    while true do end]],
  ["loads, for ever"] = [[while true do load(("x = 1 "):rep(20000)) end]],
  ["loads that fail, for ever"] = [[while true do load("x = = 1") end]],
  ["a chunk that loads itself"] = [[
    local text = "local text = ... return load(text)(text)"
    return load(text)(text)]],
  ["callbacks that attach callbacks"] = [[
    local function again() return promise.resolve():next(again) end
    await(again())]],
  ["a loop in a callback"] = "await(promise.resolve():next(function() while true do end end))",
  ["a loop in finally"] = "await(promise.resolve():finally(function() while true do end end))",
  ["a loop in a local message"] = [[
    local object = Far("Looper", { go = function() while true do end end })
    await(E(object):go())]],
  ["messages to oneself, for ever"] = [[
    local object
    object = Far("Looper", { go = function() return E(object):go() end })
    await(E(object):go())]],
  ["awaits of what is no promise"] = "while true do await(1) end",
  ["awaits that fail"] = "while true do pcall(await, promise.reject(1)) end",
  ["a method of a durable object"] = [[
    vat.kind("Looper", { go = function() while true do end end }) {}:go()]],
  ["a method of an object called at once"] = [[
    Far("Looper", { go = function() while true do end end }):go()]],
}

return M
