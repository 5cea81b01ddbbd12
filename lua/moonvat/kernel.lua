--- Opening a kernel, and a kernel whose methods raise data.

local core = require "moonvat.core"
local failure = require "moonvat.failure"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"
local service = require "moonvat.service"
local timer = require "moonvat.timer"

local M = {}

local option_types <const> = {
  db = "string",
  commit_every = "number",
  commit_ms = "number",
  vats_online = "number",
  log = "function",
  readonly = "boolean",
  services = "table",
  clock = "function",
}

local function misuse(message, ...)
  error(failure.new("misuse", message:format(...)), 0)
end

local function check_services(services)
  for name, functions in pairs(services) do
    if type(name) ~= "string" or type(functions) ~= "table" then
      misuse "open: services must be a table such as { clock = { now = function(effect) ... } }"
    end
    if name == "vat_admin" then
      misuse "open: services.vat_admin is built in; give yours another name"
    end
    for method, f in pairs(functions) do
      if type(method) ~= "string" or type(f) ~= "function" then
        misuse("open: services.%s must hold functions by name", name)
      end
    end
  end
end

local function check_options(options)
  if type(options) ~= "table" then
    misuse 'open takes a table, as in moonvat.open { db = "bank.db" }'
  end
  for _, name in ipairs(literal.sorted_keys(options)) do
    local wanted = option_types[name]
    if not wanted then
      misuse("open: unknown option %s%s", literal.plain(tostring(name)),
        nearest.hint(name, literal.sorted_keys(option_types)))
    elseif type(options[name]) ~= wanted then
      misuse("open: %s must be a %s, not a %s", name, wanted, type(options[name]))
    end
  end
  if not options.db or options.db == "" then
    misuse 'open: db is missing: the path of the database, or ":memory:"'
  elseif options.db:find("\0", 1, true) then
    misuse "open: db has a zero byte, which no path may have"
  elseif options.db:find "^file:" then -- SQLite reads more than a name from it
    misuse('open: write "./%s" for a file of that name', literal.plain(options.db))
  elseif options.readonly and options.db == ":memory:" then
    misuse "open: :memory: begins empty, so there is nothing to read; open it without readonly"
  end
end

--- Opens a database, or creates it. What goes wrong is raised as data.
---@param options OpenOptions
---@return Kernel
function M.open(options)
  check_options(options)
  local services = options.services or {}
  check_services(services)
  local k = core.open(options)
  service.offer(k, services)
  if not options.readonly then
    local ok, reason = pcall(timer.open, k, options.db)
    if not ok then
      pcall(k.close, k)
      error(reason, 0)
    end
  end
  return k
end

--- The same kernel with methods that raise data. `public` is the kernel as others know it.
---@param k Kernel
---@return Kernel
function M.bare(k)
  local bare = { public = k }
  for name, method in pairs(core.methods) do
    bare[name] = function(_, ...)
      return method(k, ...)
    end
  end
  return setmetatable(bare, { __close = bare.close })
end

return M
