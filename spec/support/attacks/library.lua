--- Library functions that are asked for too much: long work in one call, huge ranges, patterns.

local M = {}

M.endless = {
  ["a pattern that backtracks exponentially"] = [[
    string.find(("a"):rep(30), ("a?"):rep(30) .. ("a"):rep(30))]],
  ["a pattern with four lazy repetitions"] = [[
    while true do string.find(("a"):rep(400), ".-.-.-.-b") end]],
  ["a pattern with greedy repetitions"] = [[
    while true do string.match(("a"):rep(400), ".*.*.*.*b") end]],
  ["a lazy repetition over a long text"] = [[
    local text = ("a"):rep(30000)
    while true do text:find(".-b") end]],
  ["a pattern under gmatch"] = [[
    for _ in ("a"):rep(400):gmatch(".-.-.-.-b") do end
    while true do end]],
  ["a pattern under gsub"] = [[
    while true do ("a"):rep(400):gsub(".-.-.-.-b", "") end]],
  ["captures that come back"] = [[
    while true do ("a"):rep(400):find("(.-)(.-)%1%2(.-)b") end]],
  ["a frontier and a balance over a long text"] = [[
    local text = ("("):rep(100000)
    while true do text:find("%b()") text:find("%f[%w]") end]],
  ["a set with many members"] = [[
    local text, set = ("a"):rep(1000), "[" .. ("b"):rep(10000) .. "]"
    while true do text:find(set) end]],
  ["a set whose end is far, at each of many places"] = [[
    ("b"):rep(30000):gsub("[b" .. ("c"):rep(100000) .. "]x", "")]],
  ["a frontier whose set is long, at each of many places"] = [[
    ("b"):rep(30000):gsub("%f[b" .. ("c"):rep(100000) .. "]x", "")]],
  ["a replacement of many empty captures"] = [[
    ("a"):rep(20000):gsub("(x*)", ("%1"):rep(20000))]],
  ["a replacement of many empty matches"] = [[
    ("a"):rep(20000):gsub("x*", ("%0"):rep(20000))]],
  ["a sort of what C functions answer for"] = [[
    table.sort(setmetatable({}, {
      __len = function() return 1 << 30 end, __index = rawlen, __newindex = rawequal,
    }))]],
  ["a concat of what a C function answers for"] = [[
    while true do table.concat(setmetatable({}, { __index = rawlen }), "", 1, 100000) end]],
  ["a plain find"] = [[
    local text, part = ("a"):rep(100000), ("a"):rep(50000) .. "b"
    while true do text:find(part, 1, true) end]],
  ["gsub over a long text, for ever"] = [[
    local text = ("ab"):rep(10000)
    while true do text:gsub("a", "b") end]],
  ["gmatch over a long text, for ever"] = [[
    local text = ("ab"):rep(10000)
    while true do for _ in text:gmatch "()" do end end]],
  ["chunks whose jumps are one long list"] = [[
    local text = "return " .. ("a or "):rep(26000) .. "a"
    while true do assert(load(text)) end]],
  ["chunks of many labels"] = [[
    local labels = {}
    for i = 1, 8000 do labels[i] = ("::l%d:: a=1 "):format(i) end
    local text = table.concat(labels)
    while true do assert(load(text)) end]],
  ["chunks of many gotos out of blocks"] = [[
    local text = ("do goto l end "):rep(8000) .. "::l::"
    while true do assert(load(text)) end]],
  ["table.move over all integers"] = "table.move({}, 1, math.maxinteger - 1, 2)",
  ["table.move from what answers everything"] = [[
    table.move(setmetatable({}, { __index = function() return nil end }), 1, 1 << 60, 2, {})]],
  ["table.insert with a lying length"] = [[
    table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)]],
  ["table.insert into a table that claims 2^62 entries"] = [[
    local t = {}
    for i = 1, 9 do t[i] = 1 end
    for i = 4, 62 do t[1 << i] = 1 end
    t[17] = 1
    table.insert(t, 1, 1)]],
  ["table.concat with a lying length"] = [[
    table.concat(setmetatable({}, {
      __len = function() return 1 << 60 end, __index = function() return "" end,
    }))]],
  ["table.remove at one of many"] = [[
    local t = {}
    for i = 1, 10000 do t[i] = i end
    while true do t[10000] = 1 table.remove(t, 1) end]],
  ["table.unpack of a million, for ever"] = "while true do pcall(table.unpack, {}, 1, 9e5) end",
  ["select of a million"] = [[
    local function all(...) while true do select(-1, ...) end end
    all(table.unpack({}, 1, 100000))]],
  ["utf8.len of a long text, for ever"] = [[
    local text = ("é"):rep(1000000)
    while true do utf8.len(text) end]],
  ["utf8.offset over a long text"] = [[
    local text = ("é"):rep(100000)
    while true do utf8.offset(text, -100000) end]],
  ["utf8.codes over what begins no character"] = [[
    local text = "a" .. ("\xbf"):rep(100000)
    local following = utf8.codes(text)
    while true do pcall(following, text, 1) end]],
  ["utf8.codepoint of a long text"] = [[
    local text = ("é"):rep(10000)
    while true do pcall(utf8.codepoint, text, 1, -1) end]],
  ["next on a large table that was emptied"] = [[
    local t = {}
    for i = 1, 2 ^ 14 do t["k" .. i] = i end
    for k in pairs(t) do t[k] = nil end
    while true do next(t) end]],
  ["formats, for ever"] = [[while true do ("%99.99f"):format(1e300) end]],
  ["unpack of a format that says nothing"] = [[
    local format = (" "):rep(100000)
    while true do string.unpack(format, "") string.packsize(format) end]],
  ["numbers with many digits"] = [[
    local digits = ("1"):rep(100000)
    while true do tonumber(digits) tonumber(digits, 36) end]],
  ["bytes of a long string"] = [[
    local text = ("x"):rep(10000)
    while true do text:byte(1, -1) end]],
  ["comparisons of long strings"] = [[
    local a, b = ("x"):rep(100000) .. 1, ("x"):rep(100000) .. 2
    while true do local _ = a < b, a == b end]],
  ["keys that are long strings"] = [[
    local t = {}
    while true do t[("x"):rep(10000)] = nil end]],
  ["upper and reverse of a long string"] = [[
    local text = ("x"):rep(100000)
    while true do text:upper() text:lower() text:reverse() end]],
  ["reads of a frozen metatable, for ever"] = [[while true do pcall(getmetatable, "") end]],
  ["random numbers"] = "while true do math.random(1 << 62) end",
  ["require of what is not there"] = "while true do pcall(require, 'nothing') end",
  ["values that are refused in the end"] = [[
    local deep = {}
    for i = 1, 40 do deep = { deep, deep } end
    while true do pcall(function() vat.baggage.deep = deep end) end]],
  ["reads of a large value"] = [[
    local list = {}
    for i = 1, 2000 do list[i] = i end
    vat.baggage.list = list
    while true do local _ = vat.baggage.list end]],
  ["walks over the vatstore"] = [[
    for i = 1, 100 do vat.vatstore["k" .. i] = "v" end
    while true do for _ in pairs(vat.vatstore) do end for _ in vat.range(vat.vatstore, "k") do end end]],
}

M.hungry = {
  ["a huge format"] = [[
    local pieces = {}
    for i = 1, 20 do pieces[i] = ("x"):rep(1000000) end
    return #(("%s"):rep(20)):format(table.unpack(pieces))]],
  ["a huge concat"] = [[
    local pieces = {}
    for i = 1, 200 do pieces[i] = ("x"):rep(100000) end
    return #table.concat(pieces)]],
  ["a concat of one string, many times"] = [[
    local pieces, long = {}, ("x"):rep(100000)
    for i = 1, 1000 do pieces[i] = long end
    return #table.concat(pieces)]],
  ["a huge gsub"] = [[return ("x"):rep(100000):gsub("x", ("y"):rep(1000))]],
  ["a gsub that puts the match in often"] = [[
    return ("x"):rep(1000000):gsub(".*", ("%0"):rep(100))]],
  ["a huge pack"] = [[return string.pack("c2147483647", "x")]],
  ["a pack of long strings"] = [[
    local long = ("x"):rep(1 << 20)
    return #string.pack(("s"):rep(100), table.unpack(setmetatable({}, {
      __index = function() return long end,
    }), 1, 100))]],
  ["upper of what is nearly too large"] = [[return #("x"):rep(9000000):upper()]],
  ["table.remove with a lying length"] = [[
    table.remove(setmetatable({}, {
      __len = function() return 1 << 60 end, __index = function() return 1 end,
    }), 1)]],
  ["table.pack of very many"] = [[
    local t = {}
    while true do t[#t + 1] = table.pack(table.unpack({}, 1, 100000)) end]],
  ["a long print"] = [[
    local long = ("x"):rep(1 << 20)
    print(table.unpack(setmetatable({}, { __index = function() return long end }), 1, 100))]],
}

--- Ended by an error that says this.
M.refused = {
  ["unpack of a huge range"] = { "return table.unpack({}, 1, 1e8)", "too many results to unpack" },
  ["unpack of all integers"] = { "return table.unpack({}, math.mininteger, math.maxinteger)",
    "too many results to unpack" },
  ["concat of what is not there"] = { [[return table.concat({}, "x", 1, 3)]],
    "invalid value (nil) at index 1" },
  ["a width of many digits"] = { [[return ("%99999999d"):format(1)]],
    "invalid conversion" },
  ["string.rep of more than there is"] = { [[return ("x"):rep(math.maxinteger, "y")]],
    "resulting string too large" },
  ["sort of a list with a lying length"] = { [[
    table.sort(setmetatable({}, { __len = function() return 1 << 60 end }))]], "array too big" },
  ["promise.all of a table that claims 2^62 entries"] = { [[
    local t = {}
    for i = 1, 9 do t[i] = 1 end
    for i = 4, 62 do t[1 << i] = 1 end
    t[17] = 1
    return promise.all(t)]], "a list of more than 1000000 promises" },
  ["a pattern that nests too deeply"] = { [[return ("x"):rep(300):find(("(x"):rep(300))]],
    "too many captures" },
  ["a pattern that would recurse too deeply"] = { [[
    return ("x"):rep(1000):find(("x-"):rep(1000) .. "y")]], "pattern too complex" },
  ["moving beyond the integers"] = { "table.move({}, 1, 2, math.maxinteger)",
    "destination wrap around" },
  ["moving too many"] = { "table.move({}, -1, math.maxinteger, 2)", "too many elements to move" },
  ["a character that is none"] = { "return utf8.char(-1)", "value out of range" },
  ["an interval that is too large"] = { "return math.random(1, 0)", "interval is empty" },
  ["mininteger by nothing"] = { "return math.mininteger // 0", "attempt to divide by zero" },
}

return M
