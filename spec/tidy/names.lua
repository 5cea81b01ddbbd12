--- What is called how: headers, and what a file exports.

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

return { rules = RULES, trials = TRIALS }
