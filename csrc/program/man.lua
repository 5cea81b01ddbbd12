--- Writes the parts of the man page that the table of commands says: the synopsis and what each
--- command does.
--
--   lua5.4 csrc/program/man.lua csrc/program/moonvat.1
--
-- They stand between lines `.\" from the table of commands` and `.\" until here`.

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path

local commands = require "moonvat.program.commands"

local WIDTH <const> = 78

local function synopsis_line(takes)
  local lines, required = {}, {}
  local rest = takes:gsub("%[(.-)%]", function(inner)
    local option, value = inner:match "^%-(%-%S+) ?(%S*)$"
    lines[#lines + 1] = not option and ".Op Ar " .. inner:lower()
      or ".Op Fl " .. option .. (value ~= "" and " Ar " .. value:lower() or "")
    return ""
  end)
  for name in rest:gmatch "%u+" do
    required[#required + 1] = name:lower()
  end
  if #required > 0 then
    table.insert(lines, 1, ".Ar " .. table.concat(required, " "))
  end
  return lines
end

local function add(lines, more)
  table.move(more, 1, #more, #lines + 1, lines)
end

-- Neighbours that take the same are one line.
local function synopsis()
  local lines, list = {}, table.move(commands.list, 1, #commands.list, 1, {})
  list[#list + 1] = commands.help
  local i = 1
  while i <= #list do
    local names, takes = {}, list[i].takes
    while list[i] and list[i].takes == takes do
      names[#names + 1] = list[i].name
      i = i + 1
    end
    add(lines, { ".Nm", ".Cm " .. table.concat(names, " | ") })
    add(lines, synopsis_line(takes))
  end
  return lines
end

-- The words in capitals that a usage line has: arguments, and what options' values are called.
local function capitals_of(command)
  local capitals = {}
  for name in command.takes:gmatch "%f[%w]%u+%f[%W]" do
    capitals[name] = true
  end
  return capitals
end

-- A text with its arguments and options marked; each sentence begins a line.
local function marked(text, capitals)
  local lines, line = {}, ""
  local function flush()
    if line ~= "" then
      lines[#lines + 1] = line:find "^['.]" and "\\&" .. line or line
      line = ""
    end
  end
  for word in text:gmatch "%S+" do
    local bare, behind = word:match "^(.-)([.,;:]*)$"
    local macro = capitals[bare] and ".Ar " .. bare:lower()
      or bare:find "^%-%-%l" and ".Fl " .. bare:sub(2)
    if macro then
      flush()
      lines[#lines + 1] = behind == "" and macro or macro .. " " .. behind
    else
      if #line + #word >= WIDTH then
        flush()
      end
      line = line == "" and word or line .. " " .. word
      if word:find "%.$" then
        flush()
      end
    end
  end
  flush()
  return lines
end

-- What neighbours say with the same words stands behind the list.
local function descriptions()
  local lines = {}
  for i, command in ipairs(commands.list) do
    local before, after = commands.list[i - 1], commands.list[i + 1]
    local shared = before and before.about == command.about
      or after and after.about == command.about
    local text = command.summary:gsub("^%l", string.upper) .. "."
    lines[#lines + 1] = ".It Cm " .. command.name
    add(lines, marked(shared and text or text .. " " .. command.about, capitals_of(command)))
  end
  add(lines, { ".It Cm " .. commands.help.name,
    (commands.help.summary:gsub("^%l", string.upper)) .. "." })
  return lines
end

--- The page with these parts as the table says them.
---@param page string
---@return string
local function update(page)
  local parts = { synopsis(), descriptions() }
  local at = 0
  return (page:gsub('(\n%.\\" from the table of commands\n).-(%.\\" until here\n)', function(a, b)
    at = at + 1
    return a .. table.concat(parts[at], "\n") .. "\n" .. b
  end))
end

local path = ...
if path then
  local file <close> = assert(io.open(path))
  local page = update(file:read "a")
  local new <close> = assert(io.open(path, "w"))
  assert(new:write(page))
end

return update
