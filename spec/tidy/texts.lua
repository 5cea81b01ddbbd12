--- What may not stand in any source.

local sources = require "spec.tidy.sources"

local at, lines = sources.at, sources.lines

local RULES, TRIALS = {}, {}

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
TRIALS["no tabs, no spaces at line ends, one newline at the end"] = {
  { "lua/a.lua", "\tx = 1\n", 1 },
  { "lua/a.lua", "x = 1 \n", 1 },
  { "lua/a.lua", "x = 1", 1 },
  { "lua/a.lua", "x = 1\n\n", 1 },
  { "lua/a.lua", "x = 1\n\ny = 2\n", 0 },
}

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
TRIALS["nothing is left for later"] = {
  { "lua/a.lua", "-- TO" .. "DO: more\n", 1 },
  { "lua/a.lua", "-- FIX" .. "ME\n", 1 },
  { "lua/a.lua", "-- todo list of the user\n", 0 },
}

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
TRIALS["no path of one machine"] = {
  { "lua/a.lua", 'open "/ho' .. 'me/ann/x"\n', 1 },
  { "csrc/base/a.c", "/* see /wo" .. "rk/notes */\n", 1 },
  { "lua/a.lua", 'open "/usr/share/x" -- homework/x\n', 0 },
}

-- Lists in an arena grow by hand: what they grew out of stays until the arena is reset.
RULES["lists grow by base/list.h"] = function(path, text)
  local problems, list = {}, lines(text)
  if not path:find "%.[ch]$" or path == "csrc/base/list.c" then
    return problems
  end
  for number, line in ipairs(list) do
    if line:find "== 0 %?.* %* 2" and not (list[number + 1] or ""):find "arena_take" then
      problems[#problems + 1] = at(path, number, "use base/list.h")
    end
  end
  return problems
end
TRIALS["lists grow by base/list.h"] = {
  { "csrc/base/a.c", "    capacity = capacity == 0 ? 8 : capacity * 2;\n", 1 },
  { "csrc/base/a.c", "    int n = count == 0 ? 8 : count;\n    n = n * 2;\n", 0 },
  { "csrc/base/a.c", "    n = n == 0 ? 8 : n * 2;\n    list = arena_take(arena, n);\n", 0 },
}

RULES["a crank is kept or undone in crank.c alone"] = function(path, text)
  local problems = {}
  if not path:find "^csrc/" or path:find "^csrc/state/" or path == "csrc/kernel/crank.c" then
    return problems
  end
  for number, line in ipairs(lines(text)) do
    local name = line:match "%f[%w_](state_keep)%f[^%w_]" or line:match "%f[%w_](state_undo)%f[^%w_]"
    if name then
      problems[#problems + 1] = at(path, number, name .. " is for csrc/kernel/crank.c")
    end
  end
  return problems
end
TRIALS["a crank is kept or undone in crank.c alone"] = {
  { "csrc/kernel/a.c", "    state_keep(state);\n", 1 },
  { "csrc/host/a.c", "    state_undo(state);\n", 1 },
  { "csrc/kernel/crank.c", "    state_keep(state);\n", 0 },
  { "csrc/state/a.c", "    state_keep(state);\n", 0 },
}

return { rules = RULES, trials = TRIALS }
