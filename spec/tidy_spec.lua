--- The rules of the house, read off the sources: who may include whom, sizes, names, left-overs.
--
-- A rule is a function from a path and a text to a list of problems. Each is tried on a small
-- text that breaks it before it is tried on the sources, so that a rule that sees nothing fails.

-- Who sees whom, beside itself.
local LAYERS <const> = {
  base = {},
  value = { base = true },
  store = { base = true },
  state = { store = true, base = true },
  kernel = { state = true, store = true, base = true },
  vat = { value = true, base = true },
  host = { kernel = true, vat = true, state = true, store = true, base = true },
  module = { host = true, kernel = true, vat = true, value = true, state = true, store = true,
    base = true },
  program = { module = true, base = true },
}
-- Within csrc/vat, which room sees which beside itself. "vat" stands for vat.h and internal.h; vat.c
-- is above all rooms.
local ROOMS <const> = {
  machine = {},
  library = { machine = true },
  noun = { machine = true },
  durable = { noun = true, machine = true, library = true, vat = true },
  live = { durable = true, noun = true, machine = true, library = true, vat = true },
}
-- Who may know Lua.
local LUA_LAYERS <const> = { value = true, vat = true, module = true, program = true }
local C_LINES_MAX <const> = 500
local FUNCTION_LINES_MAX <const> = 70
local COLUMNS_MAX <const> = { csrc = 100, lua = 100, vats = 100, examples = 100, bench = 100,
  spec = 120 }

local function lines(text)
  local list = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
    list[#list + 1] = line
  end
  return list
end

local function folder_of(path)
  return path:match "^csrc/(%w+)/"
end

local function may_see(layer, other)
  return layer == other or LAYERS[layer][other]
end

local function at(path, number, text)
  return ("%s:%d: %s"):format(path, number, text)
end

--- Calls see(number, file, is our own) for each #include.
local function each_include(text, see)
  for number, line in ipairs(lines(text)) do
    local quote, file = line:match '^%s*#%s*include%s*([<"])([^>"]+)[>"]'
    if file then
      see(number, file, quote == '"')
    end
  end
end

local RULES = {}

RULES["includes go one way"] = function(path, text)
  local problems, layer = {}, folder_of(path)
  each_include(text, function(number, file, own)
    local other = file:match "^(%w+)/"
    if layer and own and other and LAYERS[other] and not may_see(layer, other) then
      problems[#problems + 1] = at(path, number, layer .. " must not see " .. file)
    elseif layer and own and not file:find "/" then
      problems[#problems + 1] = at(path, number, "say the folder: " .. file)
    end
  end)
  return problems
end

RULES["the vat layer's rooms are entered one way"] = function(path, text)
  local problems, room = {}, path:match "^csrc/vat/(%w+)/"
  each_include(text, function(number, file)
    local other = file:match "^vat/(%w+)/" or file:match "^vat/" and "vat"
    if room and other and other ~= room and not (ROOMS[room] or {})[other] then
      problems[#problems + 1] = at(path, number, room .. " must not see " .. file)
    end
  end)
  return problems
end

RULES["vats' Lua is included by machine/lua.h, and known inside by lua544.c"] = function(path, text)
  local problems = {}
  if not path:find "^csrc/vat/" then
    return problems
  end
  each_include(text, function(number, file)
    if file:find "^l[ua][ua]%l*%.h$" and path ~= "csrc/vat/machine/lua.h" then
      problems[#problems + 1] = at(path, number, "include vat/machine/lua.h, not " .. file)
    end
  end)
  for number, line in ipairs(lines(text)) do
    if line:find "%f[%w_]vl_%a" and path ~= "csrc/vat/machine/lua544.c" then
      problems[#problems + 1] = at(path, number, "what is inside of Lua is for lua544.c")
    end
  end
  return problems
end

RULES["internal.h stays in its folder and the rooms in it"] = function(path, text)
  local problems = {}
  each_include(text, function(number, file)
    local folder = file:match "^(.*)/internal%.h$"
    local inside = folder and path:find("csrc/" .. folder .. "/", 1, true) == 1
    local module = folder == "host" and folder_of(path) == "module"
    if folder and not inside and not module then
      problems[#problems + 1] = at(path, number, file .. " is for " .. folder .. " alone")
    end
  end)
  return problems
end

RULES["the host reads state and does not change it"] = function(path, text)
  local problems = {}
  if folder_of(path) ~= "host" or not text:find '#include "state/' then
    return problems
  end
  for number, line in ipairs(lines(text)) do
    local name = line:match "[^%w_](state_%l+)%s*%(" or line:match "[^%w_](%l+_%l+)%s*%("
    local noun, verb = (name or ""):match "^(%l+)_(%l+)$"
    local nouns = { object = true, promise = true, clist = true, queue = true, roster = true,
      hold = true, vatstore = true, transcript = true }
    local verbs = { add = true, set = true, delete = true, push = true, pop = true, drop = true,
      settle = true, retire = true, append = true, remove = true, take = true, apply = true }
    if nouns[noun] and verbs[verb] then
      problems[#problems + 1] = at(path, number, "the host must not call " .. name)
    end
  end
  return problems
end

RULES["lua.h only in value, vat, module and program"] = function(path, text)
  local problems, layer = {}, folder_of(path)
  each_include(text, function(number, file)
    if file:find "^l[ua][ua]%l*%.h$" and layer and not LUA_LAYERS[layer] then
      problems[#problems + 1] = at(path, number, layer .. " must not see " .. file)
    end
  end)
  return problems
end

RULES["sqlite3.h only in store"] = function(path, text)
  local problems = {}
  each_include(text, function(number, file)
    local layer = folder_of(path)
    if file == "sqlite3.h" and layer and layer ~= "store" then
      problems[#problems + 1] = at(path, number, "sqlite3.h belongs to one file in csrc/state")
    end
  end)
  return problems
end

RULES["no .c file over 500 lines"] = function(path, text)
  local count = #lines(text)
  if path:find "^csrc/.*%.c$" and count > C_LINES_MAX then
    return { ("%s has %d lines; split it"):format(path, count) }
  end
  return {}
end

RULES["no C function over 70 lines"] = function(path, text)
  local problems, name, first = {}, nil, nil
  if not path:find "%.[ch]$" then
    return problems
  end
  for number, line in ipairs(lines(text)) do
    if line:find "^[%a_][%w_]*%(" then
      name, first = line:match "^([%w_]+)", number
    elseif line == "}" and first then
      local count = number - first + 1
      if count > FUNCTION_LINES_MAX then
        problems[#problems + 1] = at(path, first, ("%s has %d lines"):format(name, count))
      end
      first = nil
    end
  end
  return problems
end

RULES["no long lines"] = function(path, text)
  local problems, most = {}, COLUMNS_MAX[path:match "^%w+"] or 100
  for number, line in ipairs(lines(text)) do
    local columns = utf8.len(line) or #line
    if columns > most then
      problems[#problems + 1] = at(path, number, columns .. " columns")
    end
  end
  return problems
end

RULES["no tabs, no spaces at line ends, one newline at the end"] = function(path, text)
  local problems = {}
  for number, line in ipairs(lines(text)) do
    if line:find "\t" then
      problems[#problems + 1] = at(path, number, "a tab")
    elseif line:find "%s$" then
      problems[#problems + 1] = at(path, number, "spaces at the end")
    end
  end
  if not text:find "[^\n]\n$" then
    problems[#problems + 1] = path .. ": must end with one newline"
  end
  return problems
end

RULES["header guards match the path"] = function(path, text)
  local inner = path:match "^csrc/(.*)%.h$" or path:match "^(spec/.*)%.h$"
  if not inner then
    return {}
  end
  local guard = inner:upper():gsub("[^%w]", "_") .. "_H"
  if text:find("#ifndef " .. guard .. "\n#define " .. guard .. "\n", 1, true)
    and text:find "#endif\n$" then
    return {}
  end
  return { path .. ": the guard should be " .. guard }
end

RULES["nothing is left for later"] = function(path, text)
  local problems = {}
  for number, line in ipairs(lines(text)) do
    for _, word in ipairs { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" } do
      if line:find("%f[%w]" .. word .. "%f[%W]") then
        problems[#problems + 1] = at(path, number, word)
      end
    end
  end
  return problems
end

RULES["no path of one machine"] = function(path, text)
  local problems = {}
  for number, line in ipairs(lines(text)) do
    local folder = line:match "%f[%w/.]/(%l+)/[%w_.]"
    if folder == "work" or folder == "home" or folder == "root" or folder == "farm" then
      problems[#problems + 1] = at(path, number, "a path of one machine: /" .. folder)
    end
  end
  return problems
end

--- A .c file may leave its description to its header, or to the folder's internal.h, by name.
local function described(path, text, read)
  if path:find "%.lua$" then
    return text:find "^%-%-" ~= nil
  end
  if text:find "^/[*/]" or not path:find "%.c$" then
    return text:find "^/[*/]" ~= nil
  end
  local header = read(path:gsub("%.c$", ".h"))
  local internal = read(path:gsub("^(csrc/%w+/).*$", "%1internal.h"))
  local name = path:match "([^/]*)$"
  return header ~= nil and header:find "^/[*/]" ~= nil
    or internal ~= nil and internal:find("/* " .. name .. ":", 1, true) ~= nil
end

local function read_file(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function find(where, names)
  local pipe <close> = assert(io.popen(("find %s -type f '(' %s ')' 2>/dev/null | LC_ALL=C sort")
    :format(where, names)))
  local list = {}
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  return list
end

local C <const> = "-name '*.c' -o -name '*.h'"
local LUA <const> = "-name '*.lua'"

local function fail_with(problems)
  if #problems > 0 then
    error(#problems .. " to mend:\n" .. table.concat(problems, "\n"), 0)
  end
end

-- What breaks each rule, and what looks like it and does not: { path, text, problems }.
local TRIALS = {
  ["includes go one way"] = {
    { "csrc/base/a.c", '#include "store/db.h"\n', 1 },
    { "csrc/state/a.c", '#include "kernel/kernel.h"\n#include "vat/vat.h"\n', 2 },
    { "csrc/kernel/a.c", '#include "vat/vat.h"\n#include "host/run.h"\n', 2 },
    { "csrc/vat/a.c", '#include "store/db.h"\n#  include "kernel/kernel.h"\n', 2 },
    { "csrc/store/a.c", '#include "state/state.h"\n', 1 },
    { "csrc/vat/live/a.c", '#include "value/marshal.h"\n#include "vat/live/job.h"\n', 0 },
    { "csrc/host/a.c", '#include "module/lmodule.h"\n#include "value/marshal.h"\n', 2 },
    { "csrc/vat/a.c", '#include "vat.h"\n', 1 },
    { "csrc/kernel/a.c", '#include "kernel/kernel.h"\n#include "store/db.h"\n', 0 },
    { "csrc/host/a.c", '#include "vat/vat.h"\n#include "store/db.h"\n#include <stdio.h>\n', 0 },
    { "spec/native/a.c", '#include "kernel/kernel.h"\n#include "store/db.h"\n', 0 },
  },
  ["the vat layer's rooms are entered one way"] = {
    { "csrc/vat/machine/a.c", '#include "vat/library/text.h"\n#include "vat/internal.h"\n', 2 },
    { "csrc/vat/library/a.c", '#include "vat/durable/store.h"\n#include "vat/vat.h"\n', 2 },
    { "csrc/vat/durable/a.c", '#include "vat/noun/words.h"\n#include "vat/live/job.h"\n', 1 },
    { "csrc/vat/other/a.c", '#include "vat/machine/heap.h"\n', 1 },
    { "csrc/vat/library/a.c", '#include "vat/library/a.h"\n#include "vat/machine/heap.h"\n', 0 },
    { "csrc/vat/live/a.c", '#include "vat/durable/store.h"\n#include "vat/internal.h"\n', 0 },
    { "csrc/vat/vat.c", '#include "vat/live/job.h"\n#include "vat/machine/heap.h"\n', 0 },
  },
  ["vats' Lua is included by machine/lua.h, and known inside by lua544.c"] = {
    { "csrc/vat/live/a.c", "#include <lauxlib.h>\nvoid vl_luaH_resize(void);\n", 2 },
    { "csrc/vat/machine/lua.h", "#include <lua.h>\n", 0 },
    { "csrc/vat/machine/lua544.c", "FILE *vl_stdin;\n", 0 },
    { "csrc/value/a.c", "#include <lua.h>\n", 0 },
  },
  ["internal.h stays in its folder and the rooms in it"] = {
    { "csrc/kernel/a.c", '#include "state/internal.h"\n', 1 },
    { "spec/native/a.c", '#include "kernel/internal.h"\n', 1 },
    { "csrc/kernel/a.c", '#include "kernel/internal.h"\n', 0 },
  },
  ["the host reads state and does not change it"] = {
    { "csrc/host/a.c", '#include "state/queue.h"\n    queue_push(state, &item);\n', 1 },
    { "csrc/host/a.c", '#include "state/queue.h"\n    queue_each(state, f);\n', 0 },
    { "csrc/kernel/a.c", '#include "state/queue.h"\n    queue_push(state, &item);\n', 0 },
  },
  ["lua.h only in value, vat, module and program"] = {
    { "csrc/kernel/a.c", "#include <lua.h>\n", 1 },
    { "csrc/state/a.c", '#include "lauxlib.h"\n#include <lualib.h>\n', 2 },
    { "csrc/vat/a.c", "#include <lua.h>\n", 0 },
    { "spec/native/a.c", "#include <lauxlib.h>\n", 0 },
  },
  ["sqlite3.h only in store"] = {
    { "csrc/kernel/a.c", "#include <sqlite3.h>\n", 1 },
    { "csrc/store/db.c", "#include <sqlite3.h>\n", 0 },
    { "spec/native/a.c", "#include <sqlite3.h>\n", 0 },
  },
  ["no .c file over 500 lines"] = {
    { "csrc/base/a.c", ("x\n"):rep(501), 1 },
    { "csrc/base/a.c", ("x\n"):rep(500), 0 },
    { "csrc/base/a.h", ("x\n"):rep(501), 0 },
  },
  ["no C function over 70 lines"] = {
    { "csrc/base/a.c", "int\nlong_one(int a)\n{\n" .. ("    a++;\n"):rep(68) .. "}\n", 1 },
    { "csrc/base/a.c", "int\nlong_one(int a,\n    int b)\n{\n" .. ("    a++;\n"):rep(67) .. "}\n", 1 },
    { "csrc/base/a.c", "int\nshort_one(int a)\n{\n" .. ("    a++;\n"):rep(67) .. "}\n", 0 },
    { "csrc/base/a.c", "int f(void);\n" .. ("x\n"):rep(80) .. "int\ng(void)\n{\n}\n", 0 },
  },
  ["no long lines"] = {
    { "csrc/base/a.c", ("x"):rep(101) .. "\n", 1 },
    { "csrc/base/a.c", ("ü"):rep(100) .. "\n", 0 },
    { "spec/a_spec.lua", ("x"):rep(121) .. "\n", 1 },
  },
  ["no tabs, no spaces at line ends, one newline at the end"] = {
    { "lua/a.lua", "\tx = 1\n", 1 },
    { "lua/a.lua", "x = 1 \n", 1 },
    { "lua/a.lua", "x = 1", 1 },
    { "lua/a.lua", "x = 1\n\n", 1 },
    { "lua/a.lua", "x = 1\n\ny = 2\n", 0 },
  },
  ["header guards match the path"] = {
    { "csrc/base/a.h", "#ifndef BASE_B_H\n#define BASE_B_H\n#endif\n", 1 },
    { "csrc/base/a.h", "#ifndef BASE_A_H\n#define BASE_B_H\n#endif\n", 1 },
    { "csrc/base/a.h", "/* x */\n#ifndef BASE_A_H\n#define BASE_A_H\n\n#endif\n", 0 },
  },
  ["nothing is left for later"] = {
    { "lua/a.lua", "-- TO" .. "DO: more\n", 1 },
    { "lua/a.lua", "-- FIX" .. "ME\n", 1 },
    { "lua/a.lua", "-- todo list of the user\n", 0 },
  },
  ["no path of one machine"] = {
    { "lua/a.lua", 'open "/ho' .. 'me/ann/x"\n', 1 },
    { "csrc/base/a.c", "/* see /wo" .. "rk/notes */\n", 1 },
    { "lua/a.lua", 'open "/usr/share/x" -- homework/x\n', 0 },
  },
}

describe("tidy", function()
  local sources = {}
  for _, path in ipairs(find("csrc lua spec vats examples bench", C .. " -o " .. LUA)) do
    sources[#sources + 1] = { path = path, text = read_file(path) }
  end

  it("finds the sources", function()
    assert(#find("csrc", C) > 10 and #find("lua", LUA) > 3 and #find("spec", LUA) > 3,
      "run it from the project's folder")
  end)

  for name, rule in pairs(RULES) do
    it(name, function()
      local trials = assert(TRIALS[name], "a rule without a trial: " .. name)
      local can_fail = false
      for _, trial in ipairs(trials) do
        local problems = rule(trial[1], trial[2])
        assert(#problems == trial[3], ("on trial, %s with %q: %d problems, wanted %d"):format(
          trial[1], trial[2]:sub(1, 80), #problems, trial[3]))
        can_fail = can_fail or trial[3] > 0
      end
      assert(can_fail, "no trial breaks the rule")
      local all = {}
      for _, source in ipairs(sources) do
        local problems = rule(source.path, source.text)
        table.move(problems, 1, #problems, #all + 1, all)
      end
      fail_with(all)
    end)
  end

  it("one file alone includes sqlite3.h", function()
    local function including(list)
      local paths = {}
      for _, source in ipairs(list) do
        if source.path:find "^csrc/" then
          each_include(source.text, function(_, file)
            if file == "sqlite3.h" then
              paths[#paths + 1] = source.path
            end
          end)
        end
      end
      return paths
    end
    local trial = including {
      { path = "csrc/state/a.c", text = "#include <sqlite3.h>\n" },
      { path = "csrc/state/b.c", text = "x\n#include <sqlite3.h>\n" },
    }
    assert(#trial == 2, "the check does not see a second file")
    local paths = including(sources)
    assert(#paths == 1, "sqlite3.h is included by: " .. table.concat(paths, ", "))
  end)

  it("every source file of csrc and lua is described, by itself or by its header", function()
    local files = {
      ["csrc/a/x.c"] = '#include "a/x.h"\n', ["csrc/a/x.h"] = "/* The x. */\n",
      ["csrc/a/y.c"] = '#include "a/internal.h"\n', ["csrc/a/z.c"] = "/* z */\n",
      ["csrc/a/internal.h"] = "/* Shared.\n */\n/* y.c: what y does. */\n",
      ["csrc/a/w.c"] = '#include "a/internal.h"\n', ["csrc/a/v.h"] = "#ifndef V\n",
      ["lua/a.lua"] = "--- A module.\n", ["lua/b.lua"] = "local M = {}\n",
    }
    local function read(path)
      return files[path]
    end
    for path, wanted in pairs {
      ["csrc/a/x.c"] = true, ["csrc/a/y.c"] = true, ["csrc/a/z.c"] = true, ["csrc/a/w.c"] = false,
      ["csrc/a/v.h"] = false, ["lua/a.lua"] = true, ["lua/b.lua"] = false,
    } do
      assert(described(path, files[path], read) == wanted, "on trial: " .. path)
    end
    local problems = {}
    for _, source in ipairs(sources) do
      local ours = source.path:find "^csrc/" or source.path:find "^lua/"
      if ours and not described(source.path, source.text, read_file) then
        problems[#problems + 1] = source.path .. " does not say what it is"
      end
    end
    fail_with(problems)
  end)
end)
