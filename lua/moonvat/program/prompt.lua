--- The prompt's own commands, such as `:clist v1` or `:run 10`: those of the program that look at a
--- kernel, here without a database's name, and some that drive this one.

local commands = require "moonvat.program.commands"
local inspect = require "moonvat.program.inspect"
local literal = require "moonvat.literal"
local look = require "moonvat.program.look"
local nearest = require "moonvat.nearest"
local shared = require "moonvat.program.shared"

local M = {}

local function print_line(session, text)
  session.world.out(text .. "\n")
end

-- Driving.

local function count_argument(words)
  if not words[2] then
    return nil
  end
  local count = math.tointeger(tonumber(words[2]))
  if not count or count < 1 then
    error(string.format(":%s takes a number of cranks, not %s", words[1], words[2]), 0)
  end
  return count
end

local function print_cranks(session, count)
  print_line(session, string.format("%s, %d left in the queue", shared.plural(count, "crank"),
    inspect.left(session.k)))
end

local function run(session, words)
  local count = count_argument(words)
  print_cranks(session, session.k:run(count and { cranks = count } or nil))
end

local function step(session, words)
  local count = 0
  while count < (count_argument(words) or 1) and session.k:step() do
    count = count + 1
  end
  print_cranks(session, count)
end

local function collect(session)
  local count = session.k:collect_garbage { cycles = true }
  print_line(session, shared.plural(count, "object") .. " collected")
end

local function quit(session)
  session.over = true
end

-- Looking.

local function looking(command)
  local about = command.names[2] -- behind the database
  return { takes = about, summary = command.summary, run = function(session, words)
    if about and not words[2] then
      error(string.format(":%s takes a %s, for example :%s %s", words[1],
        about == "VAT" and "vat" or "reference", words[1], about == "VAT" and "v1" or "ko20"), 0)
    end
    return look.prints[command.name](session.world, session.k, words[2], {})
  end }
end

local function audit(session)
  if look.prints.audit(session.world, session.k, nil, {}) > 0 then
    session.failed = true
  else
    print_line(session, "no problems found")
  end
end

-- All of them.

local names <const> = {
  "run", "step", "vats", "objects", "promises", "queue", "clist", "vatstore", "baggage", "bundles",
  "images",
  "clusters", "stats", "show", "holders", "dump", "audit", "gc", "help", "quit",
}
local aliases <const> = { q = "quit", exit = "quit", h = "help", ["?"] = "help" }
local known

local function usage(name)
  return known[name].takes and name .. " " .. known[name].takes or name
end

local function help(session, words)
  if words[2] then
    local name = words[2]:gsub("^:", "")
    if not known[name] then
      error(string.format("there is no command :%s%s", name, nearest.hint(name, names)), 0)
    end
    print_line(session, ":" .. usage(name))
    print_line(session, "  " .. known[name].summary)
    return
  end
  for _, name in ipairs(names) do
    print_line(session, string.format("  :%-16s%s", usage(name), known[name].summary))
  end
  shared.print_lines(session.world, {
    "",
    "Anything else is Lua. k is the kernel; a vat's name is its root, ko20 the object, kp40 the",
    "promise. E(counter):increment(5) sends, runs until the result settles, and shows it; _ is",
    "the last value shown. What is not complete goes on with the next line.",
  })
end

known = {
  run = { takes = "[N]", summary = "run until the queue is empty, or N cranks", run = run },
  step = { takes = "[N]", summary = "run one crank, or N", run = step },
  gc = { summary = "collect the garbage of all vats, cycles too", run = collect },
  help = { takes = "[COMMAND]", summary = "this list, or one command", run = help },
  quit = { summary = "leave; so does the end of input", run = quit },
}
for name in pairs(look.prints) do
  known[name] = looking(commands.by_name[name])
end
known.audit.run = audit

--- Does what a line says, its words as command.parse gives them.
---@param session Session
---@param words string[]
function M.run(session, words)
  words[1] = aliases[words[1]] or words[1]
  local name = words[1]
  local entry = name and known[name]
  if not entry then
    error(name and string.format("there is no command :%s%s; :help lists them", name,
      nearest.hint(name, names)) or ":help lists the commands", 0)
  end
  local most = entry.takes and 2 or 1
  if words[most + 1] then
    error(string.format(":%s takes %s; %s is too much", name,
      entry.takes and "one word" or "nothing", literal.shown(words[most + 1])), 0)
  end
  entry.run(session, words)
end

return M
