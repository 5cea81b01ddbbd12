--- The prompt: Lua with a kernel at hand.
--
-- Globals are Lua's own, k (the kernel), moonvat, E, and, looked up when they are used, the vats'
-- roots by name and every reference by its kref. E(target):method(...) sends, runs until the
-- result settles, and returns the values or raises the reason. A line that is an expression
-- prints its values as literals; one that is not complete goes on with the next; one that begins
-- with a colon is a command. No error ends the prompt. On a pipe there is no prompt to see, and
-- the exit status tells whether all went well.

local command = require "moonvat.program.command"
local failure = require "moonvat.failure"
local literal = require "moonvat.literal"
local prompt = require "moonvat.program.prompt"
local ref = require "moonvat.ref"
local shared = require "moonvat.program.shared"

local M = {}

---@class Session
---@field world World
---@field k Kernel
---@field globals table
---@field failed boolean
---@field over boolean

local function print_line(session, text)
  session.world.out(text .. "\n")
end

-- Calls write for each line of a text, with nothing in it that could steer a terminal.
local function each_line(text, write)
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    write(literal.plain(line))
  end
end

local function show_error(session, reason)
  session.failed = true
  each_line(literal.is_error(reason) and literal.reason(reason)
    or type(reason) == "string" and reason or literal.show(reason), session.world.complain)
end

-- Sending.

local function send_and_wait(k, target, method, ...)
  local handle = k:send(target, method, ...)
  local values = table.pack(k:settle(handle))
  if values[1] == "unresolved" then
    error(handle.kref .. " is still unresolved, and there is nothing left to run", 0)
  elseif values[1] == "rejected" then
    error(values[2], 0)
  end
  return table.unpack(values, 2, values.n)
end

local function new_E(k)
  return function(target)
    if target == nil then
      error("E(nil): there is nothing to send to", 2)
    end
    local proxy = {}
    return setmetatable(proxy, { __index = function(_, method)
      return function(self, ...)
        if self ~= proxy then
          error("write E(x):" .. tostring(method) .. "(...) with a colon", 2)
        end
        return failure.as_text(send_and_wait, k, target, method, ...)
      end
    end })
  end
end

-- Why there is no root by a name that may be a global's.
local no_root <const> = {
  no_such_vat = true, no_such_reference = true, no_such_name = true, readonly = true,
}

-- A name that is no global: a vat's root, or a reference.
local function look_up(k, name)
  if type(name) ~= "string" then
    return nil
  elseif ref.is_kref(name) then
    return name:sub(1, 2) == "kp" and k:promise(name) or k:ref(name)
  elseif not (ref.is_name(name) or ref.parse(name)) then
    return nil
  end
  local ok, root = pcall(k.root, k, name)
  if ok then
    return root
  elseif not no_root[failure.code(root)] then
    error(root, 0)
  end
  return nil
end

local function new_globals(session)
  local k = session.k
  local globals = { k = k.public, E = new_E(k) }
  for name, value in pairs(_G) do
    globals[name] = value
  end
  globals._G = globals
  function globals.print(...)
    local parts = table.pack(...)
    for i = 1, parts.n do
      parts[i] = tostring(parts[i])
    end
    each_line(table.concat(parts, "\t"), function(line)
      print_line(session, line)
    end)
  end
  return setmetatable(globals, { __index = function(_, name)
    if name == "moonvat" then
      return require "moonvat"
    end
    return failure.as_text(look_up, k, name)
  end })
end

-- Lua.

local function is_incomplete(message)
  return message:find "<eof>$" ~= nil
end

-- The chunk; or nil, the message, and whether more lines could complete it. An expression is
-- tried first.
local function compile(session, text)
  text = command.expand(text)
  local chunk, as_expression = load("return " .. text, "=input", "t", session.globals)
  if chunk then
    return chunk
  end
  local statement, message = load(text, "=input", "t", session.globals)
  if statement then
    return statement
  end
  return nil, message, is_incomplete(as_expression) or is_incomplete(message)
end

local function show_values(session, values)
  for i = 2, values.n do
    print_line(session, literal.show(values[i]))
  end
  if values.n > 1 then
    rawset(session.globals, "_", values[2])
  end
end

-- What was raised, as it is shown: what was typed on one line needs no place.
local function as_shown(reason)
  if failure.code(reason) then
    return reason.message
  end
  return type(reason) == "string" and reason:gsub("^input:1: ", "") or reason
end

local function protect(session, f, ...)
  local values = table.pack(xpcall(f, as_shown, ...))
  if not values[1] then
    show_error(session, values[2])
    return nil
  end
  return values
end

local function run_lua(session, chunk)
  local values = protect(session, chunk)
  if values then
    show_values(session, values)
  end
end

local function read_line(session, text)
  if session.world.terminal.stdin then
    session.world.out(text)
  end
  return session.world.read()
end

-- Reads on while the chunk is incomplete; what is not complete at the end of input is an error.
local function read_lua(session, text)
  local chunk, message, incomplete = compile(session, text)
  while incomplete do
    local more = read_line(session, ">> ")
    if not more then
      break
    end
    text = text .. (text:sub(-1) == "\n" and "" or "\n") .. more
    chunk, message, incomplete = compile(session, text)
  end
  if not chunk then
    show_error(session, (message:gsub("^input:1: ", "")))
    return
  end
  run_lua(session, chunk)
end

local function take_line(session, text)
  local words = command.parse(text)
  if words then
    protect(session, prompt.run, session, words)
  elseif text:find "%S" then
    read_lua(session, text)
  end
end

local function greet(session)
  if session.world.terminal.stdin then
    print_line(session, "Moonvat " .. session.world.core().version .. ". :help lists the commands.")
  end
end

--- Reads and does until the input ends or :quit. At a terminal errors leave the status at 0.
---@param world World
---@param k Kernel
---@return integer status
function M.run(world, k)
  local session = { world = world, k = k, failed = false, over = false }
  session.globals = new_globals(session)
  greet(session)
  while not session.over do
    local text = read_line(session, "> ")
    if not text then
      break
    end
    take_line(session, text)
  end
  if world.terminal.stdin and not session.over then
    print_line(session, "")
  end
  return session.failed and not world.terminal.stdin and shared.FAILED or shared.DONE
end

--- The command repl.
function M.repl(world, arguments, options)
  local k <close> = shared.open(world, arguments[1],
    { readonly = options.readonly, fresh = not options.readonly })
  return M.run(world, k)
end

return M
