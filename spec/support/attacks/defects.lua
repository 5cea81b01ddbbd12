--- Published defects of Lua 5.4.4, as Debian 12 has it: what each needs is closed, or it gives what
--- it is documented to give. Those that corrupt memory do so in a Lua without a sandbox.

local M = {}

M.harmless = {
  ["a __concat that moves the stack"] = { [[
    local function deep(n) return n > 0 and deep(n - 1) + 1 or 0 end
    local mt = {}
    local object = setmetatable({}, mt)
    mt.__concat = function() deep(200) return "X" end
    local ok, text = pcall(function() return "a" .. "b" .. object end)
    return tostring(ok) .. " " .. text]],
    "false script:5: attempt to concatenate a table value (upvalue 'object')" },
  ["a weak table that gets a new metatable in a collection"] = { [[
    local mt = {}
    local t = setmetatable({}, mt)
    mt.__mode = "kv"
    for i = 1, 50 do t[{}] = {} end
    for i = 1, 200000 do
      local x = { {} }
      if i % 2000 == 0 then setmetatable(t, { __index = mt }) end
    end
    local count = 0
    for _ in pairs(t) do count = count + 1 end
    return count]], 50 },
  ["gmatch that counts wrong after an error"] = { [[
    local next_match = string.gmatch(("x"):rep(300), ("(x?)"):rep(33))
    for i = 1, 30000 do pcall(next_match) end
    local deep = string.gmatch("aaa", ("a?"):rep(250) .. "(")
    for i = 1, 1000 do pcall(deep) end
    return "alive"]], "alive" },
  ["names of variables in errors, nested deeply"] = { [[
    local chunk = load("local a return a" .. (".b"):rep(60000), "=deep")
    local ok, text = pcall(chunk)
    return text]], "deep:1: attempt to index a nil value (local 'a')" },
  ["bytecode with wrong names"] = { [[
    local chunk, text = load("\27Lua\x54\0\x19\x93\r\n\x1a\n", "=chunk")
    return text]], "attempt to load a binary chunk (mode is 't')" },
  ["bytecode that asks for its mode"] = { [[
    return select(2, load("\27Lua", "=chunk", "b"))]],
    "attempt to load a text chunk (mode is 'b')" },
  ["a chain of coroutines that are closed"] = { "return tostring(coroutine.close)", "nil" },
  ["a closing variable at the end of a coroutine"] = { [[
    local mt, closed = {}, "never"
    local object = setmetatable({}, mt)
    mt.__close = function() closed = "closed" end
    local co = coroutine.wrap(function() local x <close> = object coroutine.yield() end)
    pcall(co)
    return closed]], "never" },
  ["a for loop whose fourth value is to be closed"] = { [[
    local mt, closed = {}, "never"
    local object = setmetatable({}, mt)
    mt.__close = function() closed = "closed" end
    local ok, text = pcall(function()
      for _ in function() return 1 end, nil, nil, object do break end
    end)
    return closed .. " " .. text]],
    "never script:5: variable '(for state)' got a non-closable value" },
  ["a finalizer that is called in a collection"] = { [[
    local mt, ran = {}, 0
    for i = 1, 1000 do setmetatable({}, mt) end
    mt.__gc = function() ran = ran + 1 end
    for i = 1, 100000 do local x = { {} } end
    return ran]], 0 },
  ["unpack of more than there can be"] = { [[
    local _, text = pcall(table.unpack, {}, 1, 1e8)
    local _, more = pcall(table.unpack, {}, math.mininteger, math.maxinteger)
    return text .. ", " .. more]], "too many results to unpack, too many results to unpack" },
  ["source that nests without end"] = { [[
    local _, text = load("return " .. ("("):rep(5000) .. (")"):rep(5000), "=nest")
    return text]], "C stack overflow" },
  ["empty strings, repeated for ever"] = { [[return ("x" .. ("").rep("", 1 << 60))]], "x" },
  ["a constant environment"] = { [[
    return tostring(load("local _ENV <const> = {}; x = 1 return x")())]], "1" },
  ["an environment of another type"] = { [[
    local ok, text = pcall(load "local _ENV <const> = 1; return x")
    return tostring(ok)]], "false" },
  ["constants of bitwise operators"] = { [[return load("return 1 ~ (2 or 3)")()]], 3 },
  ["a comparison as a key"] = { [[
    local t = { [true] = "yes" }
    return t[1 < 2]
  ]], "yes" },
  ["a stack overflow in a handler of a stack overflow"] = { [[
    local function f() return f() + 1 end
    local ok = xpcall(f, f)
    return tostring(ok)]], "false" },
  ["an error of an error while the stack is full"] = { [[
    local function loop(x, y, z) return 1 + loop(x, y, z) end
    local ok, text = xpcall(loop, function(m) return m .. tostring(loop) end)
    return type(text)]], "string" },
  ["a string that sits at the end of a comparison"] = { [[
    return tostring("a\0b" < "a\0c") .. tostring("a\0" < "a")]], "truefalse" },
  ["numbers at the ends of the integers"] = { [[
    return tostring(math.mininteger // -1) .. " " .. tostring(math.mininteger % -1)]],
    "-9223372036854775808 0" },
  ["a step of a loop that overflows"] = { [[
    local count = 0
    for i = math.maxinteger - 1, math.maxinteger do count = count + 1 end
    for i = 1, 3, math.maxinteger do count = count + 1 end
    return count]], 3 },
  ["arguments beyond the integers of utf8"] = { [[
    local ok = pcall(utf8.char, 1 << 31)
    return tostring(ok) .. #utf8.char(0x7fffffff)]], "false6" },
  ["stray bytes in utf8.codes"] = { [[
    local ok, text = pcall(function() for _ in utf8.codes "ab\xff" do end end)
    return tostring(ok)]], "false" },
  ["a coroutine that resumes itself"] = { [[
    local co
    co = coroutine.create(function() return coroutine.resume(co) end)
    local _, ok, text = coroutine.resume(co)
    return tostring(ok) .. " " .. text]], "false cannot resume non-suspended coroutine" },
  ["a coroutine of the turn itself"] = { [[
    local turn = coroutine.running()
    local co = coroutine.wrap(function() return select(2, coroutine.resume(turn)) end)
    return co()]], "cannot resume non-suspended coroutine" },
  ["a yield from a turn"] = { [[
    return select(2, pcall(coroutine.yield))]], "attempt to yield from outside a coroutine" },
  ["a yield across a sort"] = { [[
    local co = coroutine.wrap(function()
      return select(2, pcall(table.sort, { 2, 1 }, coroutine.yield))
    end)
    return co()]], "attempt to yield across a C-call boundary" },
  ["a list constructor of many items"] = { [[
    return #load("return {" .. ("1,"):rep(60000) .. "}")()]], 60000 },
  ["a function of many constants"] = { [[
    local parts = {}
    for i = 1, 9000 do parts[i] = "x=" .. i .. ".5" end
    local env = {}
    load(table.concat(parts, ";"), "=many", "t", env)()
    return env.x]], 9000.5 },
}

return M
