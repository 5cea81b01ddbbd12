--- The program: finds the command, reads its arguments, turns what happens into an exit status.
--
-- Results and vats' lines go to standard output, everything else to standard error. The world
-- below is all that commands touch of the outside, so that specs can give them another one.

local commands = require "moonvat.program.commands"
local failure = require "moonvat.failure"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"
local options = require "moonvat.program.options"
local shared = require "moonvat.program.shared"

local M = {}

---@class World
---@field out fun(text: string) to standard output
---@field err fun(text: string) to standard error
---@field read fun(): string? a line of standard input
---@field exists fun(path: string): boolean
---@field open fun(options: OpenOptions): Kernel
---@field core fun(): table the module moonvat.core
---@field terminal { stdin: boolean?, stdout: boolean?, stderr: boolean? } what is a terminal
---@field getenv fun(name: string): string?
---@field log fun(entry: LogEntry)
---@field say fun(message: string, ...: any) a notice for people
---@field complain fun(text: string) what went wrong
---@field heading? fun(text: string): string paints a listing's first line

-- The parts of a world that follow from its streams.

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = literal.plain(line)
  end
  return lines
end

local function new_log(world)
  return function(entry)
    local name = literal.plain(tostring(entry.vat or "moonvat"))
    local printed = entry.level == "print"
    local write = printed and world.out or world.err
    local prefix = printed and name .. ": " or name .. ": " .. tostring(entry.level) .. ": "
    for _, line in ipairs(lines_of(tostring(entry.text))) do
      write(prefix .. line .. "\n")
    end
  end
end

local function wants_colour(world, stream)
  local no_colour = world.getenv "NO_COLOR"
  return world.terminal[stream] and (no_colour == nil or no_colour == "")
    and world.getenv "TERM" ~= "dumb"
end

local function painter(code)
  return function(text)
    return "\27[" .. code .. "m" .. text .. "\27[0m"
  end
end

--- Adds to a world what follows from the rest of it.
---@param world table
---@return World
function M.complete(world)
  local red = wants_colour(world, "stderr") and painter "31"
  world.heading = wants_colour(world, "stdout") and painter "1" or nil
  world.log = new_log(world)
  function world.say(message, ...)
    world.err("moonvat: " .. literal.plain(string.format(message, ...)) .. "\n")
  end
  function world.complain(text)
    world.err((red and red(text) or text) .. "\n")
  end
  return world
end

-- Help.

local function usage_of(command)
  return ("moonvat " .. command.name .. " " .. command.takes):gsub(" $", "")
end

local function overview()
  local lines = { "usage: moonvat COMMAND [ARGUMENT ...]", "" }
  for _, command in ipairs(commands.list) do
    lines[#lines + 1] = string.format("  %-10s%s", command.name, command.summary)
  end
  lines[#lines + 1] = string.format("  %-10s%s", commands.help.name, commands.help.summary)
  lines[#lines + 1] = ""
  lines[#lines + 1] = "moonvat help COMMAND tells more. Vats' lines and results go to standard"
  lines[#lines + 1] = "output, everything else to standard error. Exit status: 0 done, 1 failed or"
  lines[#lines + 1] = "rejected, 2 usage, 3 no such vat or reference, 4 stopped by a limit,"
  lines[#lines + 1] = "5 database in use, 6 audit found problems."
  return table.concat(lines, "\n") .. "\n"
end

local function help_text(command)
  local text = "usage: " .. usage_of(command) .. "\n\n" .. command.summary:gsub("^%l", string.upper)
    .. ".\n\n" .. command.about .. "\n"
  return command.example and text .. "\nFor example:\n  " .. command.example .. "\n" or text
end

local function unknown_command(name)
  local names = { "help" }
  for i, command in ipairs(commands.list) do
    names[i + 1] = command.name
  end
  shared.fail(shared.USAGE, "there is no command %s%s; moonvat help lists them",
    literal.shown(name), nearest.hint(name, names))
end

local function find_command(name)
  return commands.by_name[name] or unknown_command(name)
end

local function help(world, arguments)
  if arguments[2] then
    shared.fail(shared.USAGE, "too many arguments, from %s\nusage: %s",
      literal.shown(arguments[2]), usage_of(commands.help))
  end
  world.out(arguments[1] and help_text(find_command(arguments[1])) or overview())
  return shared.DONE
end

-- Running.

-- What is wrong with the arguments, if anything is.
local function check_positions(command, positions)
  if #positions > command.most then
    return "too many arguments, from " .. literal.shown(positions[command.most + 1])
  end
  for i = 1, math.min(#positions, (command.free_from or math.huge) - 1) do
    if positions[i] == "" then
      return command.names[i] .. " is empty"
    end
  end
  if #positions < command.least then
    return command.names[#positions + 1] .. " is missing"
  end
end

local function run_command(world, command, arguments)
  local positions, flags = options.parse(arguments, command.options, command.free_from)
  if positions and flags.help then
    world.out(help_text(command))
    return shared.DONE
  end
  local wrong = positions and check_positions(command, positions) or not positions and flags
  if wrong then
    shared.fail(shared.USAGE, "%s\nusage: %s", wrong, usage_of(command))
  end
  return command.run(world, positions, flags) or shared.DONE
end

local aliases <const> = { ["--version"] = "version", ["-v"] = "version" }
local help_names <const> = { help = true, ["--help"] = true, ["-h"] = true }

local function dispatch(world, arguments)
  local name = arguments[1]
  if not name then
    world.err(overview())
    return shared.USAGE
  end
  local rest = table.move(arguments, 2, #arguments, 1, {})
  if help_names[name] then
    return help(world, rest)
  end
  return run_command(world, find_command(aliases[name] or name), rest)
end

-- What the core raises, where the status is not that of all else, and advice.
local statuses <const> = {
  no_such_vat = shared.NOT_FOUND,
  no_such_reference = shared.NOT_FOUND,
  no_such_cluster = shared.NOT_FOUND,
  in_use = shared.IN_USE,
}
local advice <const> = { no_such_vat = "; moonvat vats DB lists those that there are" }

-- What was raised, as a message and an exit status.
local function explain(raised)
  local code = failure.code(raised)
  if code then
    return raised.message .. (advice[code] or ""), statuses[code] or shared.FAILED
  elseif type(raised) == "table" and raised.status then
    return raised.message, raised.status
  elseif literal.is_error(raised) then
    return literal.reason(raised), shared.FAILED
  end
  return tostring(raised), shared.FAILED
end

--- Runs one command in a world.
---@param arguments string[]
---@param world World
---@return integer status
function M.run(arguments, world)
  local ok, result = pcall(dispatch, world, arguments)
  if ok then
    return result
  end
  local message, status = explain(result)
  for i, line in ipairs(lines_of(message)) do
    world.complain((i == 1 and "moonvat: " or "") .. line)
  end
  return status
end

--- Runs the program.
---@param arguments string[]
---@param terminal? { stdin: boolean?, stdout: boolean?, stderr: boolean? }
---@return integer status
function M.main(arguments, terminal)
  local lost -- why standard output was not written
  local status = M.run(arguments, M.complete {
    out = function(text)
      local ok, reason = io.stdout:write(text)
      if ok then
        ok, reason = io.stdout:flush()
      end
      lost = lost or not ok and reason
    end,
    err = function(text)
      io.stderr:write(text)
    end,
    read = function()
      return io.stdin:read "L"
    end,
    exists = function(path)
      return require "moonvat.core".exists(path)
    end,
    open = function(settings)
      require "moonvat" -- gives kernels the methods that the prompt's Lua has
      local kernel = require "moonvat.kernel"
      return kernel.bare(kernel.open(settings))
    end,
    core = function()
      return require "moonvat.core"
    end,
    terminal = terminal or {},
    getenv = os.getenv,
  })
  if lost then
    io.stderr:write("moonvat: cannot write to standard output: ", lost, "\n")
    return shared.FAILED
  end
  return status
end

return M
