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

return { rules = RULES, trials = TRIALS }
