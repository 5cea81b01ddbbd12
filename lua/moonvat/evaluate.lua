--- Evaluates a config's file: with no library but string, table and math, for a short time and in
--- little memory.

local bundle = require "moonvat.bundle"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"

local M = {}

local INSTRUCTIONS_MAX <const> = 10000000
local INSTRUCTIONS_STEP <const> = 100
local SECONDS_MAX <const> = 3 -- of CPU time: one instruction may take long
local KIB_MAX <const> = 128 * 1024

local function library()
  local allowed = { string = string, table = table, math = math }
  local names = literal.sorted_keys(allowed)
  local globals = {}
  for name, functions in pairs(allowed) do
    globals[name] = {}
    for key, value in pairs(functions) do
      globals[name][key] = value
    end
  end
  globals.string.dump = nil
  return setmetatable(globals, { __index = function(_, name)
    error(string.format("there is no %s here; a config has string, table and math%s",
      literal.plain(tostring(name)), nearest.hint(name, names)), 2)
  end })
end

local function run_bounded(chunk, path)
  local steps, started, before = 0, os.clock(), collectgarbage "count"
  local thread = coroutine.create(chunk)
  debug.sethook(thread, function()
    steps = steps + INSTRUCTIONS_STEP
    if collectgarbage "count" - before > KIB_MAX then
      error(path .. ": the config takes too much memory; it should only build a table", 0)
    elseif steps >= INSTRUCTIONS_MAX or os.clock() - started > SECONDS_MAX then
      error(path .. ": the config takes too long; it should only build a table", 0)
    end
  end, "", INSTRUCTIONS_STEP)
  return coroutine.resume(thread)
end

--- What a config's file returns: a table. Raises what is wrong.
---@param path string
---@return table
function M.file(path)
  local text, reason = bundle.read_file(path)
  if not text then
    error(reason, 0)
  end
  local chunk, message = load(text, "@" .. path, "t", library())
  if not chunk then
    error(message, 0)
  end
  local ok, value = run_bounded(chunk, path)
  if not ok then
    error(value, 0)
  elseif type(value) ~= "table" then
    error(("%s: a config returns a table, this one returns %s"):format(path,
      value == nil and "nothing" or type(value)), 0)
  end
  return value
end

return M
