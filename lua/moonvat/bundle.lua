--- A vat's source with the modules that it requires, read from disk once, at launch.
--
-- `require` is found by reading the source, never by running it, so its argument must be a string
-- literal. `require "a.b"` is a/b.lua beside the main source, also when a module requires it.

local lexical = require "moonvat.lexical"
local lpeg = require "lpeg"

local C, Cc, Cp, Ct, P, S = lpeg.C, lpeg.Cc, lpeg.Cp, lpeg.Ct, lpeg.P, lpeg.S

local M = {}

M.SOURCE_MAX = 128 * 1024

local ENOENT <const>, EISDIR <const> = 2, 21

---@class Module
---@field name string `counter.lua` for the main chunk, `util` for require "util"
---@field source string

local space = lexical.space
local argument = lexical.string_value + "(" * space * lexical.string_value * space * ")"
local word_end = -lpeg.R("az", "AZ", "09", "__")

-- x.require and x:require() are somebody else's; `require =` is a field or a variable.
local field = S ".:" * space * lexical.name
local assigned = P "require" * word_end * space * "=" * -P "="
local required = Ct(Cp() * P "require" * word_end * space * (argument + Cc(false)))
local code = Ct((lexical.comment + lexical.string + P ".." + "::" + field + assigned + required
  + lexical.name + lexical.number + P(1)) ^ 0)

local segment = (lpeg.R("az", "AZ", "09") + S "_-") ^ 1
local module_name = C(segment * ("." * segment) ^ 0) * -1

local function fail(message, ...)
  error(string.format(message, ...), 0)
end

--- Reads a whole file, or says why not.
---@param path string
---@return string? text
---@return string? message
function M.read_file(path)
  local file, reason, errno = io.open(path, "rb")
  local text
  if file then
    text, reason, errno = file:read "a"
    file:close()
  end
  if text then
    return text
  end
  if errno == ENOENT then
    return nil, path .. ": no such file"
  elseif errno == EISDIR then
    return nil, path .. ": is a directory"
  end
  reason = tostring(reason)
  return nil, reason:sub(1, #path) == path and reason or path .. ": " .. reason
end

--- The folder of a path, to put before a file's name; "" for the current one.
---@param path string
---@return string
function M.folder(path)
  return path:match "^.*/" or ""
end

---@param path string
---@return string
function M.basename(path)
  return path:match "[^/]*$"
end

--- What a source requires, in order, each name once with the place where it is first required.
---@param source string
---@param path string shown in errors
---@return { name: string, line: integer }[]
function M.requires(source, path)
  local found, seen = {}, {}
  for _, call in ipairs(code:match(source)) do
    local at, name = call[1], call[2]
    local number, line = lexical.line_at(source, at)
    if not name then
      fail('%s:%d: require needs a name in quotes, as in require "util": %s', path, number,
        line:match "^%s*(.-)%s*$")
    elseif not module_name:match(name) then
      fail('%s:%d: "%s" is no module name: write it with letters, digits, _, - and dots, as in '
        .. 'require "lib.util"', path, number, name)
    elseif not seen[name] then
      seen[name] = true
      found[#found + 1] = { name = name, line = number }
    end
  end
  return found
end

local function check_source(source, path)
  if #source > M.SOURCE_MAX then
    fail("%s: %d bytes; one source may have at most %d (128 KiB)", path, #source, M.SOURCE_MAX)
  elseif source:sub(1, 1) == "\27" then
    fail("%s: this is compiled Lua; a vat is given as source text", path)
  end
  local ok, message = load(source, "@" .. path, "t")
  if not ok then
    error(message, 0)
  end
end

local function chain_text(chain, from, again)
  local names = {}
  for i = from, #chain do
    names[#names + 1] = chain[i]
  end
  names[#names + 1] = again
  return table.concat(names, " -> ")
end

local visit

local function visit_required(state, wanted, path)
  local file = state.folder .. wanted.name:gsub("%.", "/") .. ".lua"
  for i, open in ipairs(state.chain_paths) do
    if open == file then
      fail("%s:%d: modules require each other in a circle: %s", path, wanted.line,
        chain_text(state.chain, i, i == 1 and state.chain[1] or wanted.name))
    end
  end
  if state.done[file] then
    return
  end
  state.done[file] = true
  local source, reason = M.read_file(file)
  if not source then
    fail('%s:%d: cannot find the module "%s": %s', path, wanted.line, wanted.name, reason)
  end
  state.modules[#state.modules + 1] = { name = wanted.name, source = source }
  visit(state, wanted.name, source, file)
end

function visit(state, name, source, path)
  check_source(source, path)
  table.insert(state.chain, name)
  table.insert(state.chain_paths, path)
  for _, wanted in ipairs(M.requires(source, path)) do
    visit_required(state, wanted, path)
  end
  table.remove(state.chain)
  table.remove(state.chain_paths)
end

--- Reads a source and all that it requires. The main chunk comes first, the others by name. Raises
--- a message that names file and line when something is missing, circular, too long or no Lua.
---@param path string
---@return Module[]
function M.load(path)
  local source, reason = M.read_file(path)
  if not source then
    error(reason, 0)
  end
  local main = M.basename(path)
  local state = {
    folder = M.folder(path), modules = {}, chain = {}, chain_paths = {}, done = { [path] = true },
  }
  visit(state, main, source, path)
  table.sort(state.modules, function(a, b)
    return a.name < b.name
  end)
  table.insert(state.modules, 1, { name = main, source = source })
  return state.modules
end

return M
