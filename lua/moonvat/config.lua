--- Configs: a Lua file, or a table, that says which vats to launch.
--
-- The file is evaluated by itself, see evaluate.lua. Everything in it is checked before anything is
-- launched; each error names the path to what is wrong. The result is what the kernel launches:
-- sources read, modules bundled, lists sorted.

local bundle = require "moonvat.bundle"
local core = require "moonvat.core"
local evaluate = require "moonvat.evaluate"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"
local ref = require "moonvat.ref"

local M = {}

local DEPTH_MAX <const> = 200

---@class VatSpec
---@field name string
---@field bundle Module[]
---@field parameters table
---@field options table

---@class ClusterSpec
---@field bootstrap string?
---@field services string[]
---@field vats VatSpec[]
---@field bundles { name: string, bundle: Module[] }[]?

local function fail(where, message, ...)
  error((where and where .. ": " or "") .. string.format(message, ...), 0)
end

local function at(where, key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then
    return where:find ": " and where .. "." .. key or where .. ": " .. key
  end
  return (where:find ": " and where or where .. ": ") .. "[" .. literal.print(key) .. "]"
end

local function type_name(value)
  return value == nil and "nothing" or type(value)
end

local function expect_type(where, value, wanted, example)
  if type(value) ~= wanted then
    fail(where, "expected a %s%s, got %s", wanted, example or "", type_name(value))
  end
end

local function check_keys(where, value, known, what)
  local names = literal.sorted_keys(known)
  for _, key in ipairs(literal.sorted_keys(value)) do
    if known[key] == nil then
      fail(at(where, key), "unknown %s%s", what, nearest.hint(key, names))
    end
  end
end

-- Vat options: a check for each kind, which returns what the kernel gets or nil and what it should
-- be.

local checks = {}

function checks.flag(option, value)
  if type(value) == "boolean" then
    return value
  end
  return nil, option.wanted
end

function checks.whole(option, value)
  local number = type(value) == "number" and math.tointeger(value)
  if number and number >= option.least and number <= option.most then
    return number
  end
  return nil, option.wanted
end

function checks.seconds(option, value)
  if type(value) == "number" and value >= option.least and value <= option.most then
    return value + 0.0
  end
  return nil, option.wanted
end

function checks.choice(option, value)
  for _, word in ipairs(option.words) do
    if value == word then
      return word
    end
  end
  return nil, '"' .. table.concat(option.words, '" or "') .. '"'
end

local options <const> = {}
for _, option in ipairs(core.vat_options) do
  options[option.name] = option
end

--- Checks a vat's options and returns them as the kernel takes them.
---@param value table?
---@param where string the path shown in errors
---@return table
function M.check_options(value, where)
  if value == nil then
    return {}
  end
  expect_type(where, value, "table")
  check_keys(where, value, options, "option")
  local checked = {}
  for _, name in ipairs(literal.sorted_keys(value)) do
    local option = options[name]
    local good, wanted = checks[option.kind](option, value[name])
    if good == nil then
      fail(at(where, name), "expected %s, got %s", wanted, literal.print(value[name]))
    end
    checked[name] = good
  end
  return checked
end

local function check_value(where, value, open, depth)
  local kind = type(value)
  if kind == "function" or kind == "thread" then
    fail(where, "a %s cannot be passed to a vat", kind == "thread" and "coroutine" or kind)
  elseif kind ~= "table" then
    return
  elseif open[value] then
    fail(where, "a table cannot be inside itself")
  elseif depth >= DEPTH_MAX then
    fail(where, "a table is nested deeper than %d", DEPTH_MAX)
  elseif getmetatable(value) ~= nil and not literal.is_error(value) then
    fail(where, "a table with a metatable cannot be passed to a vat")
  end
  open[value] = true
  for _, key in ipairs(literal.sorted_keys(value)) do
    if type(key) ~= "string" and type(key) ~= "number" and type(key) ~= "boolean" then
      fail(where, "a key cannot be a %s", type(key))
    end
    check_value(at(where, key), rawget(value, key), open, depth + 1)
  end
  open[value] = nil
end

--- Checks that a value can be given to a vat as its parameters.
---@param value any
---@param where string
---@return table
function M.check_parameters(value, where)
  if value == nil then
    return {}
  end
  expect_type(where, value, "table")
  check_value(where, value, {}, 0)
  return value
end

-- Sources.

-- This file is lua/moonvat/config.lua beside vats/, or
-- share/lua/5.4/moonvat/config.lua beside share/moonvat/vats/.
local function standard_folders()
  local here = bundle.folder(debug.getinfo(1, "S").source:sub(2))
  return { here .. "../../vats/", here .. "../../../moonvat/vats/" }
end

local function is_file(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function source_path(where, source, base)
  local standard = source:match "^moonvat:(.*)$"
  if not standard then
    return source:sub(1, 1) == "/" and source or base .. source
  elseif not ref.is_name(standard) then
    fail(where, 'expected "moonvat:" and the name of a standard vat, got %s', literal.quote(source))
  end
  for _, folder in ipairs(M.standard_folders or standard_folders()) do
    if is_file(folder .. standard .. ".lua") then
      return folder .. standard .. ".lua"
    end
  end
  fail(where, 'there is no standard vat "%s"', standard)
end

--- Reads the bundle of a `source`: a path relative to base, or `moonvat:` and a standard vat.
---@param source string
---@param base string "" or a folder with a / behind it
---@param where? string what errors begin with
---@return Module[]
function M.load_source(source, base, where)
  if source == nil then
    fail(where, 'missing; write for example source = "main.lua"')
  end
  expect_type(where, source, "string")
  local ok, modules = pcall(bundle.load, source_path(where, source, base))
  if not ok then
    fail(where, "%s", modules)
  end
  return modules
end

local function check_name(where, name, what)
  if type(name) ~= "string" then
    fail(where, 'a %s needs a name: write %ss = { main = { source = "main.lua" } }', what, what)
  elseif not ref.is_name(name) then
    fail(where, "a %s's name starts with a letter or _, goes on with letters, digits, _ and -, "
      .. "and does not look like a reference (v1, s1, ko1, kp1)", what)
  end
end

M.check_name = check_name

local vat_keys <const> = { source = true, parameters = true, options = true }
local bundle_keys <const> = { source = true }

local function load_vat(where, name, value, base)
  check_name(where, name, "vat")
  expect_type(where, value, "table", ' such as { source = "main.lua" }')
  check_keys(where, value, vat_keys, "key")
  return {
    name = name,
    bundle = M.load_source(value.source, base, at(where, "source")),
    parameters = M.check_parameters(value.parameters, at(where, "parameters")),
    options = M.check_options(value.options, at(where, "options")),
  }
end

local dynamic_keys <const> = { name = true, parameters = true, options = true }

--- Checks what a vat says about a vat that it wants made.
---@param value table
---@param where string
---@return table
function M.check_dynamic(value, where)
  expect_type(where, value, "table", " such as { name = \"alice\" }")
  check_keys(where, value, dynamic_keys, "key")
  if value.name ~= nil then
    expect_type(at(where, "name"), value.name, "string")
    check_name(at(where, "name"), value.name, "vat")
  end
  if value.parameters ~= nil then
    expect_type(at(where, "parameters"), value.parameters, "table")
  end
  return {
    name = value.name,
    parameters = value.parameters,
    options = M.check_options(value.options, at(where, "options")),
  }
end

local function load_bundle(where, name, value, base)
  check_name(where, name, "bundle")
  expect_type(where, value, "table", ' such as { source = "purse.lua" }')
  check_keys(where, value, bundle_keys, "key")
  return { name = name, bundle = M.load_source(value.source, base, at(where, "source")) }
end

local function load_all(where, values, base, load_one)
  local list = {}
  for _, name in ipairs(literal.sorted_keys(values)) do
    list[#list + 1] = load_one(at(where, name), name, values[name], base)
  end
  return list
end

local function is_listed(word, words)
  for _, known in ipairs(words) do
    if word == known then
      return true
    end
  end
  return false
end

local function check_services(where, services, available)
  if services == nil then
    return {}
  end
  expect_type(where, services, "table", ' such as { "vat_admin" }')
  local list = {}
  for _, key in ipairs(literal.sorted_keys(services)) do
    local service, here = services[key], at(where, key)
    if math.type(key) ~= "integer" or key ~= #list + 1 then
      fail(here, 'expected a list such as { "vat_admin" }')
    end
    expect_type(here, service, "string")
    if not is_listed(service, available) then
      fail(here, "unknown service %s%s", literal.quote(service),
        nearest.hint(service, available))
    elseif is_listed(service, list) then
      fail(here, "%s is listed twice", service)
    end
    list[#list + 1] = service
  end
  return list
end

local function check_bootstrap(where, bootstrap, vats)
  if bootstrap == nil then
    return
  end
  expect_type(where, bootstrap, "string")
  local names = {}
  for i, vat in ipairs(vats) do
    names[i] = vat.name
  end
  if not is_listed(bootstrap, names) then
    fail(where, "no vat is called %s%s", literal.quote(bootstrap), nearest.hint(bootstrap, names))
  end
end

local config_keys <const> = { bootstrap = true, vats = true, bundles = true, services = true }

local function folder_of_base(base)
  if base == nil or base == "" then
    return ""
  end
  return base:sub(-1) == "/" and base or base .. "/"
end

--- Reads a config with all its sources.
---@param config string|table a path, or the table itself
---@param base? string for a table: the folder that its sources are relative to
---@param services? string[] the services that this kernel offers; vat_admin when left out
---@return ClusterSpec
function M.load(config, base, services)
  local where = "config"
  if type(config) == "string" then
    where, base = config, base and folder_of_base(base) or bundle.folder(config)
    config = evaluate.file(config)
  elseif type(config) == "table" then
    base = folder_of_base(base)
  else
    error("a config is a path or a table, not " .. type_name(config), 0)
  end
  check_keys(where, config, config_keys, "key")
  local vats_at, bundles_at = at(where, "vats"), at(where, "bundles")
  if config.vats == nil then
    fail(vats_at, 'missing; write for example vats = { main = { source = "main.lua" } }')
  end
  expect_type(vats_at, config.vats, "table")
  if next(config.vats) == nil then
    fail(vats_at, "empty; a cluster has at least one vat")
  end
  local vats = load_all(vats_at, config.vats, base, load_vat)
  check_bootstrap(at(where, "bootstrap"), config.bootstrap, vats)
  expect_type(bundles_at, config.bundles or {}, "table")
  local bundles = load_all(bundles_at, config.bundles or {}, base, load_bundle)
  return {
    bootstrap = config.bootstrap,
    services = check_services(at(where, "services"), config.services, services or { "vat_admin" }),
    vats = vats,
    bundles = #bundles > 0 and bundles or nil,
  }
end

--- One text that differs whenever a config or one of its sources does.
---@param spec ClusterSpec
---@return string
function M.canonical(spec)
  return literal.print(spec)
end

return M
