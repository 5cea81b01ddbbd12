--- A durable object-capability kernel for Lua.
--
--   local moonvat = require "moonvat"
--   local k <close> = moonvat.open { db = "bank.db" }
--   k:launch "bank.lua"
--   k:run()
--   print(k:call("counter", "increment", 5))
--
-- A kernel is the C module's userdata; the methods below, which read files, join its others. The
-- core raises data; here it becomes what a program gets: a text, with the place of its call when
-- the call was at fault.

local config = require "moonvat.config"
local core = require "moonvat.core"
local failure = require "moonvat.failure"
local kernel = require "moonvat.kernel"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"
local service = require "moonvat.service"

local M = {}

M.version = core.version

-- What these mean is no fault of the line that called.
local placeless <const> = { unopened = true, in_use = true, unsaved = true, unlaunched = true }

local methods = core.set_face(function(reason, place)
  return placeless[reason.code] and reason.message or place .. reason.message
end)

-- A method ends with a call of this: what f raises is then raised for who called the method.
local function for_caller(f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  local reason = results[2]
  local code = failure.code(reason)
  error(code and reason.message or reason, code and not placeless[code] and 2 or 0)
end

--- Opens a database, or creates it; `:memory:` for none.
---@param options OpenOptions
---@return Kernel
function M.open(options)
  return for_caller(kernel.open, options ~= M and options or nil)
end

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
  return for_caller(core.methods.launch_cluster, self,
    config.load(what, base, service.names(self)))
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

function methods:install_bundle(name, path)
  if type(name) ~= "string" or type(path) ~= "string" then
    error("install_bundle takes a name and the path of a source", 2)
  end
  config.check_name("install_bundle", name, "bundle")
  return for_caller(core.methods.install_bundle, self, name,
    config.load_source(path, "", "install_bundle"))
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
  return for_caller(core.methods.create_vat, self, given)
end

function methods:upgrade_vat(vat, settings)
  return for_caller(core.methods.upgrade_vat, self, vat,
    with_source("upgrade_vat", settings or {}, { "source", "bundle", "parameters" }))
end

function methods:try_upgrade(vat, settings)
  return for_caller(core.methods.try_upgrade, self, vat,
    with_source("try_upgrade", settings or {}, { "source", "bundle" }))
end

return M
