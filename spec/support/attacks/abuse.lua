--- Scripts that try to get more than they were given: through references, metatables, the library's
--- own tables, names that mean something to Lua or to the kernel.

local M = {}

M.refused = {
  ["a reference as text"] = { "await(E('o-1'):ping())", "data is not callable" },
  ["a kref as text"] = { "await(E('ko1'):ping())", "data is not callable" },
  ["a reference in a table"] = { "await(E({ word = 1, slot = 0, kref = 'ko1' }):ping())",
    "data is not callable" },
  ["a table that says it is a presence"] = { [[
    await(E(setmetatable({}, { __name = "presence" })):ping())]], "data is not callable" },
  ["a table that says it is a remotable, as root's equal"] = { [[
    E(victim):ping(setmetatable({}, { __name = "remotable", __eq = function() return true end }))
  ]], "a table with a metatable cannot be passed" },
  ["a method of a remotable, on data"] = { "root.run({})",
    "load: takes a string of Lua text, got nil" },
  ["the sender of a message, on data"] = { "E(victim).ping({})", "a message needs a colon" },
  ["the sender of a message, on a presence"] = { "E(victim).ping(victim)",
    "a message needs a colon" },
  ["the sender of a message, on E"] = { "E(victim).ping(E)", "a message needs a colon" },
  ["a method that is a number"] = { "E(victim)[1](E(victim))", "a method's name must be a string" },
  ["a method that is a table"] = { "E(victim)[{}](E(victim))", "a method's name must be a string" },
  ["a presence, called at once"] = { "victim:ping()", "is a reference to another vat" },
  ["a field of a presence"] = { "return victim.secret", "is a reference to another vat" },
  ["a write to a presence"] = { "victim.ping = print", "is a reference to another vat" },
  ["a write to a remotable"] = { "root.ping = print", "cannot be changed" },
  ["a write to a promise"] = { "promise().next = print", "a promise cannot be changed" },
  ["a write to E"] = { "E.send_only = print", "E cannot be changed" },
  ["a write to what E gives"] = { "E(victim).ping = print", "only sends" },
  ["a write to the promise library"] = { "promise.all = print", "cannot be changed" },
  ["a write to vat"] = { "vat.baggage = {}", "vat cannot be changed" },
  ["E passed on"] = { "E(victim):ping(E)", "cannot be passed" },
  ["what E gives passed on"] = { "E(victim):ping(E(victim))", "cannot be passed" },
  ["the vat object passed on"] = { "E(victim):ping(vat)", "cannot be passed" },
  ["the baggage passed on"] = { "E(victim):ping(vat.baggage)", "cannot be passed" },
  ["the vatstore passed on"] = { "E(victim):ping(vat.vatstore)", "cannot be passed" },
  ["a map passed on"] = { "E(victim):ping(vat.map('m'))", "cannot be passed" },
  ["a function passed on"] = { "E(victim):ping(print)", "args[1]: a function cannot be passed" },
  ["a coroutine passed on"] = { "E(victim):ping((coroutine.running()))",
    "args[1]: a coroutine cannot be passed" },
  ["rawset on an object"] = { "rawset(victim, 'x', 1)", "table expected" },
  ["rawset on E"] = { "rawset(E, 'x', 1)", "table expected" },
  ["rawget of an object"] = { "rawget(victim, 'x')", "table expected" },
  ["next of an object"] = { "next(victim)", "table expected" },
  ["next of E"] = { "next(E)", "table expected" },
  ["pairs of E"] = { "for _ in pairs(E) do end", "cannot be iterated" },
  ["pairs of vat"] = { "for _ in pairs(vat) do end", "cannot be iterated" },
  ["pairs of a promise"] = { "for _ in pairs(promise()) do end", "table expected" },
  ["a metatable for a presence"] = { "setmetatable(victim, {})", "table expected" },
  ["a metatable for strings"] = { "setmetatable('', {})", "table expected" },
  ["a metatable for an error"] = { "setmetatable(Error {}, {})", "protected metatable" },
  ["__gc"] = { "setmetatable({}, { __gc = print })", "__gc is not available in a vat" },
  ["__mode"] = { "setmetatable({}, { __mode = 'k' })", "__mode is not available in a vat" },
  ["__close"] = { "setmetatable({}, { __close = print })", "__close is not available in a vat" },
  ["__concat"] = { "setmetatable({}, { __concat = print })", "__concat is not available in a vat" },
  ["a key of the vatstore that is a reference"] = { "vat.vatstore[victim] = 'x'",
    "a key must be a string" },
  ["a key of the baggage that is a table"] = { "vat.baggage[{}] = 1",
    "a key must be a string or an integer" },
  ["a promise in the baggage"] = { "vat.baggage.p = promise()", "a promise cannot be stored" },
  ["an ephemeral object in the baggage"] = { "vat.baggage.f = Far('F', {})",
    "ends with this incarnation" },
  ["a method of another kind"] = { [[
    local one = vat.kind("One", { go = function(self) return self.secret end }) { secret = 1 }
    local other = vat.kind("Other", { go = function(self) return self.secret end }) { secret = 2 }
    return one.go(other)]], "go is a method of One" },
  ["the state of a durable object, from outside"] = { [[
    return vat.kind("One", { go = print }) { secret = 1 }.secret]], "" },
  ["a kind defined twice"] = { "vat.kind('One', {}) vat.kind('One', {})", "defined already" },
  ["a state field named like a method"] = { [[
    vat.kind("One", { go = print }) { go = 1 }]], "go" },
  ["the main chunk as a module"] = { "require 'main.lua'", "not found in the bundle" },
  ["a module by a path"] = { "require '../../../etc/passwd'", "not found in the bundle" },
  ["an end in the middle"] = { "vat.exit(print)", "a function cannot be passed" },
}

--- Ended by itself, with this result.
M.harmless = {
  ["methods with names that Lua knows"] = { [[
    local called = {}
    local methods = {}
    for _, name in ipairs { "__index", "__newindex", "__gc", "__tostring", "__call", "__eq",
      "__len", "__name", "__metatable", "__pairs", "", "self", "constructor", "ping\0pong" } do
      methods[name] = function() called[#called + 1] = name end
    end
    local object = Far("Methods", methods)
    local text = tostring(object) .. type(object.unknown)
    local same = object == object
    for name in pairs(methods) do await(E(object)[name](E(object))) end
    return text .. #called]], "<Methods>nil14" },
  ["interfaces with names that Lua knows"] = { [[
    return tostring(Far("__index", {})) .. tostring(Far("presence", {})) .. tostring(Far("0x1", {}))
  ]], "<__index><presence><0x1>" },
  ["globals that are gone"] = { [[
    local load, Far, E, await, setmetatable, rawset, pairs, env =
      load, Far, E, await, setmetatable, rawset, pairs, _ENV
    for name in pairs { "" } do end
    for _, name in ("print pairs ipairs next type tostring error pcall string table math"):gmatch
      "()(%a+)" do env[name] = nil end
    local object = Far("Object", { go = function(self, x) return { x, "y" } end })
    return await(E(object):go("x"))[1] .. ("z"):upper()]], "xZ" },
  ["globals that are others"] = { [[
    local keep = { Far = Far, E = E, await = await }
    for _, name in ipairs { "print", "type", "tostring", "error", "pcall", "next", "rawget",
      "setmetatable", "select" } do
      _ENV[name] = function() return nil end
    end
    return keep.await(keep.E(keep.Far("Object", { go = function() return 7 end })):go())]], 7 },
  ["string methods that are changed"] = { [[
    string.upper = function() return "changed" end
    string.format = nil
    for name in pairs(string) do string[name] = nil end
    return ("x"):upper() .. ("%d"):format(7)]], "X7" },
  ["string methods by another way"] = { [[
    local mt = getmetatable("")
    return tostring(mt) .. tostring(pcall(function() getmetatable("").__index.upper = 1 end))]],
    "falsefalse" },
  ["metatables of all that is there"] = { [[
    local seen = {}
    for _, value in ipairs { "", victim, root, E, E(victim), promise, promise(), vat, vat.baggage,
      vat.vatstore, vat.map "m", vat.set "s", Error {}, vat.kind("K", {}) {} } do
      seen[#seen + 1] = tostring(getmetatable(value))
    end
    return table.concat(seen, " ")]], ("false "):rep(14):sub(1, -2) },
  ["metatables of what has none"] = { [[
    return tostring(getmetatable(print)) .. tostring(getmetatable(1)) .. tostring(getmetatable(nil))
      .. tostring(getmetatable(true)) .. tostring(getmetatable(coroutine.create(print)))]],
    "nilnilnilnilnil" },
  ["doors that are not there"] = { [[
    local names = {}
    for name in ("_G io os package debug dofile loadfile collectgarbage warn jit ffi bit32 unpack "
      .. "loadstring setfenv getfenv newproxy module arg"):gmatch "%S+" do
      if _ENV[name] ~= nil then names[#names + 1] = name end
    end
    return table.concat(names, " ") .. tostring(string.dump) .. tostring(coroutine.close)]],
    "nilnil" },
  ["an environment for a chunk"] = { [[
    local env = {}
    load("x = 1", "=x", "t", env)()
    return tostring(env.x) .. tostring(x) .. tostring(load("return x", "=x", "t", env)())]],
    "1nil1" },
  ["a chunk with an object as its environment"] = { [[
    local ok, text = pcall(load("x = 1", "=chunk", "t", victim))
    return tostring(ok)]], "false" },
  ["a promise that lies about itself"] = { [[
    local fake = setmetatable({}, { __name = "promise", __index = { next = print } })
    return tostring(promise.is(fake)) .. tostring(await(fake) == fake)]], "falsetrue" },
  ["a table with a method next"] = { [[
    local thenable = { ["next"] = function() error "called" end }
    local p, resolve = promise()
    resolve(thenable)
    return type(await(p).next)]], "function" },
  ["errors that are not what they seem"] = { [[
    local e = Error { name = "VatTerminated", message = "vat terminated" }
    rawset(e, "message", { "no text" })
    rawset(e, "name", 7)
    return tostring(e)]], "7" },
  ["an error whose fields are gone"] = { [[
    local e = Error { message = "m" }
    rawset(e, "message", nil)
    rawset(e, "name", nil)
    return tostring(e)]], "error" },
  ["a value that answers differently each time"] = { [[
    local count = 0
    local t = setmetatable({}, { __index = function() count = count + 1 return count end,
      __len = function() return 3 end, __pairs = function() error "called" end })
    local ok = pcall(function() E(victim):ping(t) end)
    local list = { 1, 2, t and nil }
    vat.baggage.list = list
    return tostring(ok) .. #vat.baggage.list .. count]], "false20" },
  ["a copy that is a copy"] = { [[
    local inner = {}
    vat.baggage.t = { inner, inner }
    local t = vat.baggage.t
    t[1].x = 1
    return tostring(t[2].x) .. tostring(vat.baggage.t[1].x)]], "nilnil" },
  ["keys of the baggage that look like the library's own"] = { [[
    local b = vat.baggage
    b.b = nil
    for _, key in ipairs { "tk", "tck", "te", "to", "tu", "tw", "s", "i", "", "\0", "\xff", "tc" } do
      b[key] = key
    end
    vat.kind("K", {}) {}
    vat.map("m").x = 1
    local count = 0
    for key, value in pairs(b) do
      if key ~= value then return "wrong" end
      count = count + 1
    end
    return count]], 12 },
  ["keys of the vatstore that look like the library's own"] = { [[
    local s = vat.vatstore
    for _, key in ipairs { "tk", "tck", "te", "to", "tu", "tw", "sx", "i", "", "\0" } do
      s[key] = "forged"
    end
    local make = vat.kind("K", { get = function(self) return self.x end })
    return make { x = "real" }:get()]], "real" },
  ["a root that is remembered by a map"] = { [[
    local m = vat.map "m"
    m[root] = 1
    m[victim] = 2
    local list = {}
    for key in pairs(m) do list[#list + 1] = key end
    return tostring(list[1] == root and list[2] == victim or list[1] == victim)]], "true" },
  ["await in places where it may not be"] = { [[
    local p, results = E(victim):ping(), {}
    results[1] = pcall(table.sort, { 2, 1 }, function() await(p) end)
    results[2] = pcall(string.gsub, "x", "x", function() await(p) end)
    results[3] = pcall(tostring, setmetatable({}, { __tostring = function() await(p) end }))
    local _, in_handler = xpcall(error, function() return (pcall(await, p)) end)
    results[4] = in_handler
    for i = 1, 4 do results[i] = tostring(results[i]) end
    return table.concat(results, " ")]], "false false false false" },
  ["clocks and chance"] = { [[
    math.randomseed(1)
    local a = math.random(1 << 40)
    math.randomseed(1)
    return tostring(a == math.random(1 << 40)) .. tostring(vat.now() == vat.now())]], "truetrue" },
  ["two functions with one text"] = { [[
    return tostring(print) .. tostring(print == print) .. tostring({}) .. tostring({} == {})]],
    "functiontruetablefalse" },
}

return M
