--- A durable object-capability kernel for Lua.
--
--   local moonvat = require "moonvat"
--   local k <close> = moonvat.open { db = "bank.db" }
--   k:launch "bank.lua"
--   k:run()
--   print(k:call("counter", "increment", 5))
--
-- A kernel is the C module's userdata; the methods below, which read files, join its others.

local config = require "moonvat.config"
local core = require "moonvat.core"
local inspect = require "moonvat.program.inspect"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"
local service = require "moonvat.service"
local timer = require "moonvat.timer"

local M = {}

M.version = core.version

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

local function call_here(f, ...)
  local results = table.pack(f(...))
  return table.unpack(results, 1, results.n)
end

-- A method ends with a call of this: an error of f's that would name this file is then raised for
-- who called the method.
local function for_caller(f, ...)
  local results = table.pack(pcall(call_here, f, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  local reason = results[2]
  local bare = type(reason) == "string" and inspect.without_place(reason) or reason
  error(bare, bare ~= reason and 2 or 0)
end

local function check_services(services)
  for name, functions in pairs(services) do
    if type(name) ~= "string" or type(functions) ~= "table" then
      error("open: services must be a table such as { clock = { now = function(effect) ... } }", 3)
    end
    if name == "vat_admin" then
      error("open: services.vat_admin is built in; give yours another name", 3)
    end
    for method, f in pairs(functions) do
      if type(method) ~= "string" or type(f) ~= "function" then
        error(("open: services.%s must hold functions by name"):format(name), 3)
      end
    end
  end
  return services
end

local function open(options, services)
  local k = core.open(options)
  service.offer(k, services)
  local ok, reason = pcall(options.readonly and type or timer.open, k, options.db)
  if not ok then
    pcall(k.close, k)
    error(reason, 0)
  end
  return k
end

--- Opens a database, or creates it; `:memory:` for none.
---@param options OpenOptions
---@return Kernel
function M.open(options)
  if type(options) ~= "table" or options == M then
    error('open takes a table, as in moonvat.open { db = "bank.db" }', 2)
  end
  for _, name in ipairs(literal.sorted_keys(options)) do
    local wanted = option_types[name]
    if not wanted then
      error(string.format("open: unknown option %s%s", literal.plain(tostring(name)),
        nearest.hint(name, literal.sorted_keys(option_types))), 2)
    elseif type(options[name]) ~= wanted then
      error(string.format("open: %s must be a %s, not a %s", name, wanted, type(options[name])), 2)
    end
  end
  if not options.db or options.db == "" then
    error('open: db is missing: the path of the database, or ":memory:"', 2)
  elseif options.db:find("\0", 1, true) then
    error("open: db has a zero byte, which no path may have", 2)
  elseif options.db:find "^file:" then -- SQLite reads more than a name from it
    error(('open: write "./%s" for a file of that name'):format(literal.plain(options.db)), 2)
  elseif options.readonly and options.db == ":memory:" then
    error("open: :memory: begins empty, so there is nothing to read; open it without readonly", 2)
  end
  return for_caller(open, options, check_services(options.services or {}))
end

local methods = core.methods

--- Starts a cluster: all its vats or none.
---@param what string|table a path, or the config itself
---@param base? string for a table: the folder that its sources are relative to
---@return Cluster
function methods:launch(what, base)
  if type(what) ~= "table" and type(what) ~= "string" or what == "" then
    error(("launch takes a config: the path of a file, or a table; got %s"):format(
      what == "" and "an empty path" or type(what)), 2)
  elseif base ~= nil and type(base) ~= "string" then
    error("launch: the folder of the sources must be a string, got " .. type(base), 2)
  end
  return for_caller(self.launch_cluster, self, config.load(what, base, service.names(self)))
end

-- Raises for the caller of the method `where` unless it was given a table with these names only.
local function check_settings(where, settings, names)
  if type(settings) ~= "table" then
    error(("%s takes a table such as { source = \"main.lua\" }, got %s"):format(where,
      type(settings)), 4)
  end
  for _, name in ipairs(literal.sorted_keys(settings)) do
    local known = false
    for _, word in ipairs(names) do
      known = known or name == word
    end
    if not known then
      error(("%s: unknown setting %s%s"):format(where, literal.plain(tostring(name)),
        nearest.hint(name, names)), 4)
    end
  end
  if settings.source ~= nil and settings.bundle ~= nil then
    error(where .. ": give source or bundle, not both", 4)
  elseif settings.bundle ~= nil and type(settings.bundle) ~= "string" then
    error(("%s: bundle must be the name of an installed bundle, got %s"):format(where,
      type(settings.bundle)), 4)
  end
end

-- The kernel takes modules; people give paths. A bundle's name goes through as it is.
local function with_source(where, settings, names)
  check_settings(where, settings, names)
  local given = {}
  for key, value in pairs(settings) do
    given[key] = value
  end
  if given.source ~= nil then
    given.bundle = config.load_source(given.source, "", where .. ": source")
    given.source = nil
  end
  if given.options ~= nil then
    given.options = config.check_options(given.options, where .. ": options")
  end
  if given.parameters ~= nil then
    given.parameters = config.check_parameters(given.parameters, where .. ": parameters")
  end
  return given
end

local install, create = methods.install_bundle, methods.create_vat
local upgrade, try = methods.upgrade_vat, methods.try_upgrade

function methods:install_bundle(name, path)
  if type(name) ~= "string" or type(path) ~= "string" then
    error("install_bundle takes a name and the path of a source", 2)
  end
  config.check_name("install_bundle", name, "bundle")
  return for_caller(install, self, name, config.load_source(path, "", "install_bundle"))
end

function methods:create_vat(settings)
  if type(settings) ~= "table" then
    error('create_vat takes a table, as in { name = "alice", source = "alice.lua" }', 2)
  end
  local given = with_source("create_vat", settings,
    { "name", "source", "bundle", "parameters", "options" })
  if given.name == nil or given.bundle == nil then
    error(('create_vat: %s is missing, as in { name = "alice", source = "alice.lua" }'):format(
      given.name == nil and "name" or "source"), 2)
  end
  config.check_dynamic({ name = given.name }, "create_vat")
  return for_caller(create, self, given)
end

function methods:upgrade_vat(vat, settings)
  return for_caller(upgrade, self, vat,
    with_source("upgrade_vat", settings or {}, { "source", "bundle", "parameters" }))
end

function methods:try_upgrade(vat, settings)
  return for_caller(try, self, vat,
    with_source("try_upgrade", settings or {}, { "source", "bundle" }))
end

return M
