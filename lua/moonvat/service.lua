--- Who answers calls of the host's objects.
--
-- A vat calls a service by a message; the kernel sets the call aside and shows it to `serve`, once
-- after each opening until it is answered. `vat_admin` and the objects that administer vats are
-- built in: each of their answers is one crank with what it does; so is `timer`, see timer.lua,
-- unless the host program has a service of that name. Other services are the host
-- program's: `moonvat.open { services = { clock = { now = function(effect) ... end } } }`. Such a
-- function runs when the crank that called is committed. `effect.id` is the same each time the
-- call is made again after a crash; `effect:defer()` returns resolve and reject, to answer later.

local core = require "moonvat.core"
local config = require "moonvat.config"
local failure = require "moonvat.failure"
local timer = require "moonvat.timer"

local M = {}

local kernel <const> = core.methods -- what goes wrong here is data

local offered = setmetatable({}, { __mode = "k" }) -- kernel -> its host program's services

---@param k Kernel
---@param services table<string, table<string, function>>
function M.offer(k, services)
  offered[k] = services
end

--- The names that a config may list, sorted.
---@param k? Kernel without one: those that are built in
---@return string[]
function M.names(k)
  local services = k and offered[k] or {}
  local names = { "vat_admin", not services.timer and "timer" or nil }
  for name in pairs(services) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- A service's own error as it was given to error(): Lua puts a place before it.
local function without_place(text)
  return (text:gsub("^[^\n]-:%d+: ", ""))
end

local function reason_of(err)
  local code = failure.code(err)
  if code then
    return { name = "Error", message = code == "unlaunched" and without_place(err.message)
      or err.message }
  elseif type(err) == "string" then
    return { name = "Error", message = without_place(err) }
  end
  return err
end

-- A kernel refuses a table that is no error value where a reason is wanted only when it cannot be
-- passed; a table with a name and a message arrives as such.
local function reject(k, call, err)
  if not pcall(kernel.answer, k, call.seq, false, core.error_value(reason_of(err))) then
    kernel.answer(k, call.seq, false, core.error_value {
      name = "Error", message = "the service failed with a reason that cannot be passed",
    })
  end
end

local admin = {}

function admin.create_vat(k, call, bundle, settings)
  if type(bundle) ~= "string" then
    error("create_vat takes a bundle's name and { name, parameters, options }", 0)
  end
  settings = config.check_dynamic(settings or {}, "create_vat")
  kernel.create_vat_for(k, {
    name = settings.name or bundle, bundle = bundle,
    parameters = settings.parameters, options = settings.options,
  }, call.seq)
end

local vat = {}

local function are_upgrade_settings(settings)
  if type(settings) ~= "table" then
    return settings == nil
  end
  for key, value in pairs(settings) do
    if key ~= "parameters" or type(value) ~= "table" then
      return false
    end
  end
  return true
end

function vat.upgrade(k, call, bundle, settings)
  if type(bundle) ~= "string" or not are_upgrade_settings(settings) then
    error("upgrade takes a bundle's name and { parameters = { ... } }", 0)
  end
  kernel.answer_by_upgrade(k, call.seq, call.subject, bundle, settings and settings.parameters)
end

function vat.terminate(k, call, reason)
  kernel.terminate_vat(k, call.subject, type(reason) == "string" and reason or nil)
  kernel.answer(k, call.seq, true)
end

function vat.done(k, call)
  kernel.answer_at_end(k, call.seq, call.subject)
end

local function method_names(methods)
  local names = {}
  for name in pairs(methods) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local function no_such_method(call, methods)
  return {
    name = "NoSuchMethod",
    message = ("%s has no method %s, has: %s"):format(call.service, call.method,
      method_names(methods)),
  }
end

local function serve_builtin(k, call, methods)
  local method = methods[call.method]
  if not method then
    return reject(k, call, no_such_method(call, methods))
  end
  local ok, err = pcall(method, k, call, table.unpack(call.arguments, 1, call.arguments.n))
  if not ok then
    reject(k, call, err)
  end
end

local effect_methods = {}

--- The call is answered later, by one of the two functions that this returns.
function effect_methods:defer()
  self.deferred = true
  local k, call = self.k, self.call
  return function(...)
    k:answer(call.seq, true, ...) -- by the program: with its own face
  end, function(reason)
    reject(k, call, reason)
  end
end

local effect_meta = { __index = effect_methods, __tostring = function(self) return self.id end }

-- What failed behind effect:defer() answers the call, if nothing else did meanwhile.
local function reject_deferred(k, call, err)
  if not pcall(reject, k, call, err) then
    local reason = reason_of(err)
    kernel.notice(k, ("the service %s failed when it had answered call %d: %s"):format(call.service,
      call.seq, tostring(type(reason) == "table" and reason.message or reason)))
  end
end

local function serve_offered(k, call, methods)
  local method = methods[call.method]
  if not method then
    return reject(k, call, no_such_method(call, methods))
  end
  kernel.commit(k) -- what the outside sees rests on what is committed
  local effect = setmetatable({
    id = ("%d-%d"):format(call.crank, call.syscall), k = k, call = call,
  }, effect_meta)
  local result = table.pack(
    pcall(method, effect, table.unpack(call.arguments, 1, call.arguments.n)))
  if effect.deferred then
    if not result[1] then
      reject_deferred(k, call, result[2])
    end
  elseif not result[1] then
    reject(k, call, result[2])
  else
    local ok, err = pcall(kernel.answer, k, call.seq, true, table.unpack(result, 2, result.n))
    if not ok then
      reject(k, call, err)
    end
  end
end

--- Answers one call, or leaves it: a service that this program does not offer parks its calls until
--- one that does opens the database.
function M.serve(k, call)
  if call.subject then
    serve_builtin(k, call, vat)
  elseif call.service == "vat_admin" then
    serve_builtin(k, call, admin)
  else
    local methods = (offered[k] or {})[call.service]
    if methods then
      serve_offered(k, call, methods)
    elseif timer.methods[call.service] then
      serve_builtin(k, call, timer.methods[call.service])
    else
      kernel.notice(k, ("the service %s is not offered by this program: its call %d waits"):format(
        call.service, call.seq))
    end
  end
end

core.set_server(M.serve)

return M
