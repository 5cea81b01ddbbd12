--- Who may include whom, and who may know what.

local sources = require "spec.tidy.sources"

local at, each_include, folder_of = sources.at, sources.each_include, sources.folder_of
local lines = sources.lines

local RULES, TRIALS = {}, {}

-- Who sees whom, beside itself.
local LAYERS <const> = {
  base = {},
  value = { base = true },
  store = { base = true },
  state = { store = true, base = true },
  kernel = { state = true, store = true, base = true },
  vat = { value = true, base = true },
  host = { kernel = true, vat = true, base = true },
  module = { host = true, kernel = true, vat = true, value = true, base = true },
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

local function may_see(layer, other)
  return layer == other or LAYERS[layer][other]
end

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
TRIALS["includes go one way"] = {
  { "csrc/base/a.c", '#include "store/db.h"\n', 1 },
  { "csrc/state/a.c", '#include "kernel/kernel.h"\n#include "vat/vat.h"\n', 2 },
  { "csrc/kernel/a.c", '#include "vat/vat.h"\n#include "host/host.h"\n', 2 },
  { "csrc/vat/a.c", '#include "store/db.h"\n#  include "kernel/kernel.h"\n', 2 },
  { "csrc/store/a.c", '#include "state/state.h"\n', 1 },
  { "csrc/vat/live/a.c", '#include "value/marshal.h"\n#include "vat/live/job.h"\n', 0 },
  { "csrc/host/a.c", '#include "module/lmodule.h"\n#include "value/marshal.h"\n', 2 },
  { "csrc/vat/a.c", '#include "vat.h"\n', 1 },
  { "csrc/kernel/a.c", '#include "kernel/kernel.h"\n#include "store/db.h"\n', 0 },
  { "csrc/host/a.c", '#include "vat/vat.h"\n#include "kernel/kernel.h"\n#include <stdio.h>\n', 0 },
  { "spec/native/a.c", '#include "kernel/kernel.h"\n#include "store/db.h"\n', 0 },
}

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
TRIALS["the vat layer's rooms are entered one way"] = {
  { "csrc/vat/machine/a.c", '#include "vat/library/text.h"\n#include "vat/internal.h"\n', 2 },
  { "csrc/vat/library/a.c", '#include "vat/durable/store.h"\n#include "vat/vat.h"\n', 2 },
  { "csrc/vat/durable/a.c", '#include "vat/noun/words.h"\n#include "vat/live/job.h"\n', 1 },
  { "csrc/vat/other/a.c", '#include "vat/machine/heap.h"\n', 1 },
  { "csrc/vat/library/a.c", '#include "vat/library/a.h"\n#include "vat/machine/heap.h"\n', 0 },
  { "csrc/vat/live/a.c", '#include "vat/durable/store.h"\n#include "vat/internal.h"\n', 0 },
  { "csrc/vat/vat.c", '#include "vat/live/job.h"\n#include "vat/machine/heap.h"\n', 0 },
}

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
TRIALS["vats' Lua is included by machine/lua.h, and known inside by lua544.c"] = {
  { "csrc/vat/live/a.c", "#include <lauxlib.h>\nvoid vl_luaH_resize(void);\n", 2 },
  { "csrc/vat/machine/lua.h", "#include <lua.h>\n", 0 },
  { "csrc/vat/machine/lua544.c", "FILE *vl_stdin;\n", 0 },
  { "csrc/value/a.c", "#include <lua.h>\n", 0 },
}

RULES["internal.h stays in its folder and the rooms in it"] = function(path, text)
  local problems = {}
  each_include(text, function(number, file)
    local folder = file:match "^(.*)/internal%.h$"
    local inside = folder and path:find("csrc/" .. folder .. "/", 1, true) == 1
    if folder and not inside then
      problems[#problems + 1] = at(path, number, file .. " is for " .. folder .. " alone")
    end
  end)
  return problems
end
TRIALS["internal.h stays in its folder and the rooms in it"] = {
  { "csrc/kernel/a.c", '#include "state/internal.h"\n', 1 },
  { "spec/native/a.c", '#include "kernel/internal.h"\n', 1 },
  { "csrc/module/a.c", '#include "host/internal.h"\n', 1 },
  { "csrc/kernel/a.c", '#include "kernel/internal.h"\n', 0 },
}

RULES["the host and the module ask the kernel: they see no row, no statement"] = function(path, text)
  local problems, layer = {}, folder_of(path)
  if layer ~= "host" and layer ~= "module" then
    return problems
  end
  each_include(text, function(number, file)
    if file:find "^state/" or file:find "^store/" then
      problems[#problems + 1] = at(path, number, layer .. " must ask the kernel instead of " .. file)
    end
  end)
  return problems
end
TRIALS["the host and the module ask the kernel: they see no row, no statement"] = {
  { "csrc/host/a.c", '#include "kernel/face/vats.h"\n#include "state/cluster.h"\n', 1 },
  { "csrc/host/a.h", '#include "store/db.h"\n', 1 },
  { "csrc/module/llist.c", '#include "host/host.h"\n# include "state/queue.h"\n', 1 },
  { "csrc/module/llist.c", '#include "kernel/face/listing.h"\n', 0 },
  { "csrc/kernel/a.c", '#include "state/queue.h"\n', 0 },
}

RULES["the library does not see the program"] = function(path, text)
  local problems = {}
  if not path:find "^lua/moonvat/[^/]*%.lua$" then
    return problems
  end
  for number, line in ipairs(lines(text)) do
    if line:find 'require[ (]+"moonvat%.program' then
      problems[#problems + 1] = at(path, number, "a library file must not require one of the program")
    end
  end
  return problems
end
TRIALS["the library does not see the program"] = {
  { "lua/moonvat/init.lua", 'local a = require "moonvat.ref"\nlocal b = require("moonvat.program.look")\n', 1 },
  { "lua/moonvat/program/look.lua", 'local a = require "moonvat.program.json"\n', 0 },
}

RULES["lua.h only in value, vat, module and program"] = function(path, text)
  local problems, layer = {}, folder_of(path)
  each_include(text, function(number, file)
    if file:find "^l[ua][ua]%l*%.h$" and layer and not LUA_LAYERS[layer] then
      problems[#problems + 1] = at(path, number, layer .. " must not see " .. file)
    end
  end)
  return problems
end
TRIALS["lua.h only in value, vat, module and program"] = {
  { "csrc/kernel/a.c", "#include <lua.h>\n", 1 },
  { "csrc/state/a.c", '#include "lauxlib.h"\n#include <lualib.h>\n', 2 },
  { "csrc/vat/a.c", "#include <lua.h>\n", 0 },
  { "spec/native/a.c", "#include <lauxlib.h>\n", 0 },
}

RULES["sqlite3.h only in store"] = function(path, text)
  local problems = {}
  each_include(text, function(number, file)
    local layer = folder_of(path)
    if file == "sqlite3.h" and layer and layer ~= "store" then
      problems[#problems + 1] = at(path, number, "sqlite3.h belongs to csrc/store")
    end
  end)
  return problems
end
TRIALS["sqlite3.h only in store"] = {
  { "csrc/kernel/a.c", "#include <sqlite3.h>\n", 1 },
  { "csrc/store/db.c", "#include <sqlite3.h>\n", 0 },
  { "spec/native/a.c", "#include <sqlite3.h>\n", 0 },
}

-- Words that begin a statement, or the part of one that stands on a line of its own.
local SQL <const> = { "%f[%w]SELECT%s", "%f[%w]INSERT%s.*INTO%s", "%f[%w]DELETE%s+FROM%s",
  "%f[%w]UPDATE%s.*%sSET%s", "%f[%w]CREATE%s+%u+%s", "%f[%w]DROP%s+%u+%s", "%f[%w]PRAGMA%s",
  "%sFROM%s+[%l_]+", "%sWHERE%s+", "%f[%w]ORDER%s+BY%s" }

local function sql_word(string)
  for _, word in ipairs(SQL) do
    if string:find(word) then
      return true
    end
  end
  return false
end

RULES["SQL only in store and state"] = function(path, text)
  local problems, layer = {}, folder_of(path)
  local outside = layer and layer ~= "store" and layer ~= "state" or path:find "^lua/"
  for number, line in ipairs(outside and lines(text) or {}) do
    for string in line:gmatch '"([^"]*)"' do
      if sql_word(string) then
        problems[#problems + 1] = at(path, number, "SQL belongs to csrc/store and csrc/state: " .. string)
      end
    end
  end
  return problems
end

TRIALS["SQL only in store and state"] = {
  { "csrc/kernel/a.c", 'db_query(db, "SELECT id FROM vat", "");\nrun("DELETE FROM vat");\n', 2 },
  { "csrc/module/a.c", 'run("UPDATE vat SET x = 1 WHERE y");\nrun("CREATE VIEW v AS x");\n', 2 },
  { "csrc/host/a.c", 'x =\n    " FROM object"\n    " ORDER BY id";\nrun("PRAGMA x");\n', 3 },
  { "lua/a.lua", 'run "INSERT OR REPLACE INTO vat VALUES (1)"\n', 1 },
  { "csrc/state/a.c", 'db_query(db, "SELECT id FROM vat", "");\n', 0 },
  { "csrc/kernel/a.c", '/* SELECT id FROM vat */\nsay("UPDATE it, or take another from the list");\n', 0 },
  { "lua/a.lua", 'say "select one, delete from the others"\n', 0 },
}

return { rules = RULES, trials = TRIALS }
