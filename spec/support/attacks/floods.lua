--- Floods of everything that a vat can ask of the kernel: far more than one delivery may.

local M = {}

M.refused = {
  ["messages"] = { "for i = 1, 1e7 do E(victim):ping() end",
    "more than 100000 sends in one delivery, the limit" },
  ["messages without results"] = { "for i = 1, 1e7 do E.send_only(victim):ping() end",
    "more than 100000 sends in one delivery, the limit" },
  ["messages to oneself"] = { "for i = 1, 1e7 do E.send_only(root):ping() end",
    "more than 100000 sends in one delivery, the limit" },
  ["messages to data"] = { "for i = 1, 1e7 do E.send_only(1):ping() end",
    "more than 100000 sends in one delivery, the limit" },
  ["pipelined messages"] = { [[
    local p = E(victim):ping()
    for i = 1, 1e7 do p = E(p):ping() end]], "more than 100000 sends in one delivery, the limit" },
  ["prints"] = { "while true do print 'x' end", "print: more than 1000 lines in one delivery" },
  ["a long line"] = { "print(('x'):rep(5000))", "print: a line of 5000 bytes, the limit is 4096" },
  ["references in one message"] = { [[
    local list = {}
    for i = 1, 10001 do list[i] = Far("Thing", {}) end
    E(victim):ping(list)]], "more than 10000 references" },
  ["promises in one message"] = { [[
    local list = {}
    for i = 1, 10001 do list[i] = promise() end
    E(victim):ping(list)]], "more than 10000 references" },
  ["values in one message"] = { [[
    E(victim):ping(table.unpack({}, 1, 100001))]], "more than 100000 values" },
  ["results"] = { "return table.unpack({}, 1, 100001)", "more than 100000 values" },
  ["values of a promise"] = { [[
    local _, resolve = promise()
    resolve(table.unpack({}, 1, 100001))]], "more than 100000 values" },
  ["a large message"] = { "E(victim):ping(('0123456789abcdef'):rep(1 << 20))",
    "more than 16 MiB encoded" },
  ["a large result"] = { "return ('0123456789abcdef'):rep(1 << 20)", "more than 16 MiB encoded" },
  ["a large reason"] = { "error { ('0123456789abcdef'):rep(1 << 20) }", "more than 16 MiB encoded" },
  ["a long key of the vatstore"] = { "vat.vatstore[('k'):rep(1025)] = 'v'",
    "vatstore: a key of 1025 bytes, the limit is 1024 (1 KiB)" },
  ["a long key of the baggage"] = { "vat.baggage[('k'):rep(1025)] = 'v'", "a key of 1025 bytes" },
  ["a long key of a map"] = { "vat.map('m')[('k'):rep(1025)] = 'v'", "a key of 1025 bytes" },
  ["a long prefix"] = { "for _ in vat.range(vat.baggage, ('k'):rep(1025)) do end",
    "a key of 1025 bytes" },
  ["a long name of a map"] = { "vat.map(('n'):rep(1025))", "a name must have 1 to 1024 bytes" },
  ["a long name of a kind"] = { "vat.kind(('n'):rep(257), {})", "must have 1 to 256 bytes" },
  ["a long interface"] = { "Far(('n'):rep(257), {})", "must have 1 to 256 bytes" },
  ["a long method"] = { "E(victim)[('m'):rep(257)](E(victim))", "UTF-8 of at most 256 bytes" },
  ["a method that is no text"] = { "E(victim)['\\xff'](E(victim))", "UTF-8 of at most 256 bytes" },
  ["a large value of the vatstore"] = { [[
    vat.vatstore.k = ('0123456789abcdef'):rep(1 << 20) .. "x"]], "the limit is 16 MiB" },
  ["a large chunk"] = { "load((' '):rep(131073))", "the limit is 131072 (128 KiB)" },
  ["fields of a durable object"] = { [[
    local state = {}
    for i = 1, 1001 do state["f" .. i] = i end
    vat.kind("Wide", {})(state)]], "more than 1000 state fields" },
}

M.endless = {
  ["one key of the vatstore"] = "for i = 1, math.huge do vat.vatstore.key = tostring(i) end",
  ["one key of the baggage"] = "for i = 1, math.huge do vat.baggage.key = i end",
  ["keys that come and go"] = [[
    for i = 1, math.huge do vat.vatstore.key = "x" vat.vatstore.key = nil end]],
  ["counters of a durable object"] = [[
    local count = vat.kind("Count", { go = function(self) self.n = self.n + 1 end }) { n = 0 }
    while true do count:go() end]],
  ["messages that are refused"] = [[
    while true do pcall(function() E(victim):ping(print) end) end]],
  ["prints that are refused"] = "while true do pcall(print, ('x'):rep(5000)) end",
}

M.harmless = {
  ["resolutions of one promise"] = { [[
    local p, resolve, reject = promise()
    resolve(1)
    for i = 1, 10000 do resolve(i) reject(i) resolve(p) end
    return await(p)]], 1 },
  ["rejections that nobody handles"] = { [[
    for i = 1, 5000 do promise.reject(i) end
    return "done"]], "done" },
  ["subscriptions to one promise"] = { [[
    local p = E(victim):ping()
    for i = 1, 2000 do p:next(function() end) end
    return "done"]], "done" },
  ["watches of one promise"] = { [[
    local p = E(victim):ping()
    local listener = vat.kind("Listener", { told = function() end }) {}
    for i = 1, 300 do vat.watch(p, listener, "told", i) end
    return "done"]], "done" },
  ["names of methods"] = { [[
    for i = 1, 3000 do local _ = E(victim)["method" .. i] end
    return "done"]], "done" },
}

return M
