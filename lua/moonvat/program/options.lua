--- Reads a command's arguments: positions and --options, in any order.

local nearest = require "moonvat.nearest"

local M = {}

local function option_names(known)
  local names = { "--help" }
  for name in pairs(known) do
    names[#names + 1] = "--" .. name
  end
  table.sort(names)
  return names
end

local function whole_number(text)
  local number = text:find "^%d+$" and math.tointeger(tonumber(text))
  return number and number >= 1 and number or nil
end

local function read_option(word, following, known)
  local name, value = word:match "^%-%-([^=]*)=?(.*)$"
  local has_value = word:find("=", 1, true) ~= nil
  local kind = known[name]
  if not kind then
    local hint = nearest.hint("--" .. name, option_names(known))
    return nil, string.format("there is no option --%s%s", name, hint)
  elseif kind == "flag" then
    if has_value then
      return nil, string.format("--%s takes no value", name)
    end
    return name, true, false
  elseif not has_value then
    value = following
  end
  if not value or value == "" or not has_value and value:find "^%-%-?%a" then
    return nil, string.format("--%s needs a value: --%s %s", name, name, kind)
  elseif kind == "N" then
    local number = whole_number(value)
    if not number then
      return nil, string.format("--%s needs a whole number from 1, not %s", name, value)
    end
    value = number
  end
  return name, value, not has_value
end

--- Splits arguments. `known` maps an option's name to "flag", or to what its value is called ("N"
-- is a whole number from 1). From position `free_from` on everything is taken as it is, so that
-- values may begin with a minus; so is everything behind `--`.
---@param arguments string[]
---@param known table<string, string>
---@param free_from? integer
---@return string[]? positions nil when something is wrong
---@return table|string flags or what is wrong
function M.parse(arguments, known, free_from)
  local positions, flags = {}, {}
  local i, free = 1, false
  while i <= #arguments do
    local word = arguments[i]
    free = free or free_from ~= nil and #positions + 1 >= free_from
    if free or not word:find "^%-%-?%a" and word ~= "--" then
      positions[#positions + 1] = word
    elseif word == "--" then
      free = true
    elseif word == "--help" or word == "-h" then
      flags.help = true
    elseif not word:find "^%-%-" then
      return nil, string.format("there is no option %s; options are written --name", word)
    else
      local name, value, used = read_option(word, arguments[i + 1], known)
      if not name then
        return nil, value
      end
      flags[name] = value
      i = used and i + 1 or i
    end
    i = i + 1
  end
  return positions, flags
end

return M
