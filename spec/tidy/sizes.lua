--- How long a line, a function, a file may be.

local sources = require "spec.tidy.sources"

local at, lines = sources.at, sources.lines

local RULES, TRIALS = {}, {}

local FUNCTION_LINES_MAX <const> = 70
local C_LINES_MAX <const> = 400
local SPEC_LINES_MAX <const> = 500
local COLUMNS_MAX <const> = { csrc = 100, lua = 100, vats = 100, examples = 100, bench = 100,
  spec = 120 }

RULES["no .c file over 400 lines"] = function(path, text)
  local count = #lines(text)
  if path:find "^csrc/.*%.c$" and count > C_LINES_MAX then
    return { ("%s has %d lines; split it"):format(path, count) }
  end
  return {}
end
TRIALS["no .c file over 400 lines"] = {
  { "csrc/base/a.c", ("x\n"):rep(401), 1 },
  { "csrc/base/a.c", ("x\n"):rep(400), 0 },
  { "csrc/base/a.h", ("x\n"):rep(401), 0 },
}

RULES["no spec over 500 lines"] = function(path, text)
  local count = #lines(text)
  if path:find "^spec/" and count > SPEC_LINES_MAX then
    return { ("%s has %d lines; split it by topic"):format(path, count) }
  end
  return {}
end
TRIALS["no spec over 500 lines"] = {
  { "spec/base/a_spec.lua", ("x\n"):rep(501), 1 },
  { "spec/native/a.c", ("x\n"):rep(501), 1 },
  { "spec/base/a_spec.lua", ("x\n"):rep(500), 0 },
  { "lua/a.lua", ("x\n"):rep(501), 0 },
}

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
TRIALS["no C function over 70 lines"] = {
  { "csrc/base/a.c", "int\nlong_one(int a)\n{\n" .. ("    a++;\n"):rep(68) .. "}\n", 1 },
  { "csrc/base/a.c", "int\nlong_one(int a,\n    int b)\n{\n" .. ("    a++;\n"):rep(67) .. "}\n", 1 },
  { "csrc/base/a.c", "int\nshort_one(int a)\n{\n" .. ("    a++;\n"):rep(67) .. "}\n", 0 },
  { "csrc/base/a.c", "int f(void);\n" .. ("x\n"):rep(80) .. "int\ng(void)\n{\n}\n", 0 },
}

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
TRIALS["no long lines"] = {
  { "csrc/base/a.c", ("x"):rep(101) .. "\n", 1 },
  { "csrc/base/a.c", ("ü"):rep(100) .. "\n", 0 },
  { "spec/a_spec.lua", ("x"):rep(121) .. "\n", 1 },
}

return { rules = RULES, trials = TRIALS }
