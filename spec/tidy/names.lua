--- What is called how: headers, and what a file exports.

local sources = require "spec.tidy.sources"

local at, each_include, lines = sources.at, sources.each_include, sources.lines

local RULES, TRIALS = {}, {}

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
TRIALS["header guards match the path"] = {
  { "csrc/base/a.h", "#ifndef BASE_B_H\n#define BASE_B_H\n#endif\n", 1 },
  { "csrc/base/a.h", "#ifndef BASE_A_H\n#define BASE_B_H\n#endif\n", 1 },
  { "csrc/base/a.h", "/* x */\n#ifndef BASE_A_H\n#define BASE_A_H\n\n#endif\n", 0 },
}

--- A Lua binding shares a header with the others of its room.
local function is_binding(path, text)
  return path:find "/l[%w_]+%.c$" and text:find "lua_State" ~= nil
end

RULES["a .c file includes its own header first"] = function(path, text)
  local inner = path:match "^csrc/(.*)%.c$"
  if not inner or inner == "program/main" then
    return {}
  end
  local first, after, list = nil, nil, lines(text)
  each_include(text, function(number, file)
    if not first then
      first, after = file, list[number + 1]
    end
  end)
  local folder = inner:match "^(.*/)[^/]*$"
  if first ~= inner .. ".h"
    and not (is_binding(path, text) and first and first:sub(1, #folder) == folder) then
    return { ("%s: should include %s.h first"):format(path, inner) }
  elseif after and after ~= "" and not after:find "^#endif" and not after:find "^#pragma" then
    return { path .. ": a blank line belongs after its own header" }
  end
  return {}
end
TRIALS["a .c file includes its own header first"] = {
  { "csrc/base/a.c", '#include "base/b.h"\n', 1 },
  { "csrc/base/a.c", "int x;\n", 1 },
  { "csrc/base/a.c", '#include "base/b.h"\n#include "base/a.h"\n', 1 },
  { "csrc/base/a.c", '#include "base/a.h"\n#include "base/b.h"\n', 1 },
  { "csrc/base/a.c", '#include "base/a.h"\n\n#include "base/b.h"\n', 0 },
  { "csrc/base/list.c", '#include "base/a.h"\n', 1 },
  { "csrc/module/lref.c", '#include "host/host.h"\n\nstatic int f(lua_State *L);\n', 1 },
  { "csrc/module/lref.c", '#include "module/lhost.h"\n\nstatic int f(lua_State *L);\n', 0 },
  { "csrc/program/main.c", "#include <lua.h>\n", 0 },
}

-- What the layers' faces and some files export beside names that begin as theirs do.
local FACES <const> = {
  { path = "^csrc/kernel/", names = "^kernel_" }, { path = "^csrc/host/", names = "^host_" },
  { path = "^csrc/vat/", names = "^vat_" }, { path = "^csrc/base/ref%.c$", names = "^[kv]ref_" },
  { path = "^csrc/base/message%.c$", names = "^delivery_" },
  { path = "^csrc/base/message%.c$", names = "^syscalls?_" },
  { path = "^csrc/base/message%.c$", names = "^change_" },
  { path = "^csrc/base/read%.c$", names = "^reader_" },
  { path = "^csrc/vat/machine/lua544%.c$", names = "^vl_" }, -- Lua's own
  { path = "^csrc/module/", names = "^luaopen_" }, { path = "^csrc/program/", names = "^main$" },
}

local function may_export(path, name)
  local stem = path:match "([^/]*)%.c$"
  if name == stem or name:sub(1, #stem + 1) == stem .. "_" then
    return true
  end
  for _, face in ipairs(FACES) do
    if path:find(face.path) and name:find(face.names) then
      return true
    end
  end
  return false
end

RULES["what a file exports begins with its name"] = function(path, text)
  local problems, list = {}, lines(text)
  if not path:find "^csrc/.*%.c$" then
    return problems
  end
  for number, line in ipairs(list) do
    local name = line:match "^([%a_][%w_]*)%("
    local before = list[number - 1] or ""
    if name and before:find "^%a[%w_ *]*$" and not before:find "^static%f[%W]"
      and not may_export(path, name) then
      problems[#problems + 1] = at(path, number, name .. " is not named after its file")
    end
  end
  return problems
end
TRIALS["what a file exports begins with its name"] = {
  { "csrc/state/clist.c", "void\nentry_add(int a)\n{\n}\n", 1 },
  { "csrc/state/clist.c", "struct entry *\nclist_by(int a)\n{\n}\nint\nclister(int a)\n{\n}\n", 1 },
  { "csrc/state/clist.c", "static int\nadd(int a)\n{\n}\nconst char *\nclist_name(void)\n{\n}\n", 0 },
  { "csrc/state/clist.c", "int\nkernel_open(int a)\n{\n}\n", 1 },
  { "csrc/kernel/face/launch.c", "int\nkernel_launch(int a)\n{\n}\n", 0 },
  { "csrc/base/ref.c", "int\nkref_is(int a)\n{\n}\nint\nref_is(int a)\n{\n}\n", 0 },
  { "csrc/base/bytes.c", "int\nkref_is(int a)\n{\n}\n", 1 },
}

RULES["internal.h holds structs alone, in less than 60 lines"] = function(path, text)
  local problems, list = {}, lines(text)
  if not path:find "^csrc/.*/internal%.h$" then
    return problems
  end
  if #list >= 60 then
    problems[1] = ("%s has %d lines"):format(path, #list)
  end
  for number, line in ipairs(list) do
    if line:find "^[%a_][%w_ *]*[%l%d_]%(" or line:find "^%s*static%s+inline" then
      problems[#problems + 1] = at(path, number, "a function belongs to its file's header")
    end
  end
  return problems
end
TRIALS["internal.h holds structs alone, in less than 60 lines"] = {
  { "csrc/kernel/internal.h", ("x\n"):rep(60), 1 },
  { "csrc/kernel/internal.h", ("x\n"):rep(59), 0 },
  { "csrc/kernel/internal.h", "struct a {\n    int (*f)(int);\n};\nint f(int a);\n", 1 },
  { "csrc/kernel/internal.h", "struct a LIST(int);\n", 0 },
  { "csrc/kernel/internal.h", "struct a *f(int a);\nbool g(\n    int a);\n", 2 },
  { "csrc/kernel/gc.h", "int f(int a);\n", 0 },
}

return { rules = RULES, trials = TRIALS }
