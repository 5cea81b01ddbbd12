--- A durable object-capability kernel for Lua.
--
--   local moonvat = require "moonvat"
--   local k <close> = moonvat.open { db = "bank.db" }
--   k:launch "bank.lua"
--   k:run()
--   print(k:call("counter", "increment", 5))
--
-- A kernel is the C module's userdata; the methods below, which read files, join its others.

local bundle = require "moonvat.host.bundle"
local config = require "moonvat.host.config"
local core = require "moonvat.core"
local literal = require "moonvat.literal"
local nearest = require "moonvat.host.nearest"
local service = require "moonvat.host.service"
local timer = require "moonvat.host.timer"

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

local function check_services(services)
  for name, functions in pairs(services) do
    if type(name) ~= "string" or type(functions) ~= "table" then
      error("open: services must be a table such as { clock = { now = function(effect) ... } }", 3)
    end
    for method, f in pairs(functions) do
      if type(method) ~= "string" or type(f) ~= "function" then
        error(("open: services.%s must hold functions by name"):format(name), 3)
      end
    end
  end
  return services
end

--- Opens a database, or creates it; `:memory:` for none.
---@param options OpenOptions
---@return Kernel
function M.open(options)
  if type(options) ~= "table" then
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
  if not options.db then
    error('open: db is missing: the path of the database, or ":memory:"', 2)
  end
  local services = check_services(options.services or {})
  local k = core.open(options)
  service.offer(k, services)
  local ok, reason = pcall(options.readonly and type or timer.open, k)
  if not ok then
    pcall(k.close, k)
    error(reason, 0)
  end
  return k
end

local methods = core.methods

--- Starts a cluster: all its vats or none.
---@param what string|table a path, or the config itself
---@param base? string for a table: the folder that its sources are relative to
---@return Cluster
function methods:launch(what, base)
  return self:launch_cluster(config.load(what, base, service.names(self)))
end

-- The kernel takes modules; people give paths. A bundle's name goes through as it is.
local function with_source(settings, where)
  local given = {}
  for key, value in pairs(settings or {}) do
    given[key] = value
  end
  if given.source ~= nil and given.bundle ~= nil then
    error(where .. ": give source or bundle, not both", 3)
  elseif given.source ~= nil then
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

if methods.install_bundle then
  local install = methods.install_bundle

  function methods:install_bundle(name, path)
    if type(name) ~= "string" or type(path) ~= "string" then
      error("install_bundle takes a name and the path of a source", 2)
    end
    config.check_name("install_bundle", name, "bundle")
    return install(self, name, bundle.load(path))
  end
end

if methods.create_vat then
  local create = methods.create_vat

  function methods:create_vat(settings)
    if type(settings) ~= "table" then
      error('create_vat takes a table, as in { name = "alice", source = "alice.lua" }', 2)
    end
    config.check_dynamic({ name = settings.name }, "create_vat")
    return create(self, with_source(settings, "create_vat"))
  end
end

if methods.upgrade_vat then
  local upgrade = methods.upgrade_vat

  function methods:upgrade_vat(vat, settings)
    return upgrade(self, vat, with_source(settings, "upgrade_vat"))
  end
end

if methods.try_upgrade then
  local try = methods.try_upgrade

  function methods:try_upgrade(vat, settings)
    return try(self, vat, with_source(settings, "try_upgrade"))
  end
end

return M
