--- Scripts that recurse: through Lua, through C, in the parser, in patterns, in values.

local M = {}

M.endless = {
  ["__call that is itself: one instruction without end"] = { [[
    local t = setmetatable({}, {})
    getmetatable(t).__call = t
    while true do pcall(t) end]], "time" },
}

M.refused = {
  ["a function that calls itself"] = { "local function f() return 1 + f() end return f()",
    "stack overflow" },
  ["pcall in pcall"] = { "local function f() pcall(f) error 'up' end f()", "up" },
  ["__index that indexes"] = { [[
    local mt = {}
    mt.__index = function(t, key) return t[key] end
    return setmetatable({}, mt).a]], "C stack overflow" },
  ["a chain of __index"] = { [[
    local t = {}
    for i = 1, 5000 do t = setmetatable({}, { __index = t }) end
    return t.x]], "'__index' chain too long; possible loop" },
  ["an __index that is itself"] = { [[
    local t = {}
    setmetatable(t, { __index = t })
    return t.x]], "'__index' chain too long; possible loop" },
  ["__tostring that shows itself"] = { [[
    return tostring(setmetatable({}, { __tostring = function(t) return tostring(t) end }))]],
    "C stack overflow" },
  ["__eq that compares"] = { [[
    local mt = { __eq = function(a, b) return a == b end }
    return setmetatable({}, mt) == setmetatable({}, mt)]], "C stack overflow" },
  ["__len that measures"] = { [[
    return #setmetatable({}, { __len = function(t) return #t end })]], "C stack overflow" },
  ["gsub in gsub"] = { [[
    local function f() return (("x"):gsub("x", f)) end
    return f()]], "C stack overflow" },
  ["sort in sort"] = { [[
    local function f() table.sort({ 1, 2 }, f) return false end
    f()]], "C stack overflow" },
  ["coroutines in coroutines"] = { [[
    local function f() return coroutine.wrap(f)() end
    return f()]], "C stack overflow" },
  ["load in load"] = { [[
    local text = "local text = ... return 1 + load(text)(text)"
    return load(text)(text)]], "stack overflow" },
  ["brackets"] = { [[assert(load(("("):rep(60000) .. "1" .. (")"):rep(60000)))]],
    "C stack overflow" },
  ["tables in source"] = { [[assert(load("return " .. ("{"):rep(60000) .. ("}"):rep(60000)))]],
    "C stack overflow" },
  ["functions in source"] = { [[
    assert(load(("return function() "):rep(3000) .. ("end "):rep(3000)))]], "C stack overflow" },
  ["blocks in source"] = { [[assert(load(("do "):rep(10000) .. ("end "):rep(10000)))]],
    "C stack overflow" },
  ["signs in source"] = { [[assert(load("return " .. ("- "):rep(60000) .. "1"))]],
    "C stack overflow" },
  ["powers in source"] = { [[assert(load("return 1" .. ("^1"):rep(40000)))]],
    "C stack overflow" },
  ["concatenations in source"] = { [[assert(load("return x" .. (" .. x"):rep(20000)))]],
    "overflow" },
  ["locals in source"] = { [[
    local names = {}
    for i = 1, 300 do names[i] = "local v" .. i end
    assert(load(table.concat(names, "\n")))]], "too many local variables" },
  ["a value that holds itself"] = { [[
    local t = {}
    t.inner = { t }
    E(victim):ping(t)]], "args[1].inner[1]: a cyclic table cannot be passed" },
  ["a value that nests without end"] = { [[
    local t = {}
    for i = 1, 100000 do t = { t } end
    E(victim):ping(t)]], "tables nested deeper than 200, the limit" },
  ["a result that nests without end"] = { [[
    local t = {}
    for i = 1, 100000 do t = { t } end
    return t]], "tables nested deeper than 200, the limit" },
  ["an error that nests without end"] = { [[
    local t = Error { message = "m" }
    for i = 1, 100000 do t = Error { message = "m", inner = t } end
    error(t)]], "tables nested deeper than 200, the limit" },
  ["baggage that nests without end"] = { [[
    local t = {}
    for i = 1, 100000 do t = { t } end
    vat.baggage.deep = t]], "tables nested deeper than 200, the limit" },
  ["a promise that follows itself"] = { [[
    local p, resolve = promise()
    resolve(p)
    return p]], "a promise cannot follow itself" },
  ["promises that follow in a ring"] = { [[
    local p, resolve_p = promise()
    local q, resolve_q = promise()
    resolve_p(q)
    resolve_q(p)
    return p]], "a promise cannot follow itself" },
  ["a local method that calls itself"] = { [[
    local object
    object = Far("Deep", { go = function(self) return 1 + self:go() end })
    return object:go()]], "stack overflow" },
  ["a durable method that calls itself"] = { [[
    return vat.kind("Deep", { go = function(self) return 1 + self:go() end }) {}:go()]],
    "C stack overflow" },
}

--- Ended by itself, with this result.
M.harmless = {
  ["a promise that follows a hundred thousand others"] = { [[
    local p, resolve = promise()
    for i = 1, 20000 do local q, next_resolve = promise() resolve(q) resolve = next_resolve end
    resolve "end"
    return await(p)]], "end" },
  ["a value of 200 levels"] = { [[
    local t = {}
    for i = 2, 200 do t = { t } end
    vat.baggage.deep = t
    return type(vat.baggage.deep[1][1])]], "table" },
  ["overflows that are caught, again and again"] = { [[
    local function f() return 1 + f() end
    for i = 1, 5 do pcall(f) end
    return "alive"]], "alive" },
  ["overflows in handlers of overflows"] = { [[
    local function f() return 1 + f() end
    local ok = xpcall(f, function() return 1 + f() end)
    return tostring(ok)]], "false" },
}

return M
