--- The command run: launches a cluster, or goes on with it.

local bundle = require "moonvat.bundle"
local config = require "moonvat.config"
local inspect = require "moonvat.program.inspect"
local literal = require "moonvat.literal"
local ref = require "moonvat.ref"
local service = require "moonvat.service"
local shared = require "moonvat.program.shared"
local timer = require "moonvat.timer"

local M = {}

local function default_db(path)
  return (path:gsub("%.lua$", "")) .. ".db"
end

local function fingerprint(world, spec)
  return world.core().sha256(config.canonical(spec))
end

local function launched_text(cluster)
  local vats = {}
  for name, id in pairs(cluster.vats) do
    vats[#vats + 1] = { name = name, id = id }
  end
  table.sort(vats, function(a, b)
    return ref.less(a.id, b.id)
  end)
  for i, vat in ipairs(vats) do
    vats[i] = vat.id .. " " .. vat.name
  end
  return table.concat(vats, ", ")
end

local function launch(world, k, spec, path)
  local cluster = k:launch_cluster(spec)
  k:set_setting("config", fingerprint(world, spec))
  k:set_setting("config_name", bundle.basename(path))
  world.say("launched %s from %s: %s", cluster.id, path, launched_text(cluster))
  return cluster.bootstrap
end

-- A database that was launched needs its config no more; it is read only to tell of a difference.
local function compare(world, k, path, db)
  local then_hash = k:setting "config"
  if not then_hash then
    world.say("%s was launched by another program; going on with what it has", db)
    return
  end
  local name = k:setting "config_name"
  local ok, spec = pcall(config.load, path, nil, service.names())
  if not ok then
    world.say("%s cannot be used as it is now (%s); going on with what %s has", path,
      literal.plain(tostring(spec)), db)
  elseif fingerprint(world, spec) == then_hash then
    return
  elseif name ~= bundle.basename(path) then
    world.say("%s was launched from %s; going on with what it has", db, name)
  else
    world.say("%s or one of its sources has changed since it was launched; "
      .. "going on with what %s has", path, db)
  end
end

local function report_bootstrap(world, handle)
  if handle and handle:status() == "rejected" then
    world.complain("bootstrap: " .. literal.reason(handle:reason()))
    return shared.FAILED
  end
  return shared.DONE
end

-- Until nothing is left to do; with --follow, until no timer is left either.
local function run_all(world, k, options)
  local cranks = 0
  while true do
    local limits = options.cranks and { cranks = options.cranks - cranks }
    cranks = cranks + k:run(limits)
    if not options.follow or options.cranks and cranks >= options.cranks then
      return cranks
    end
    local due = timer.next_due(k.public)
    if not due then
      return cranks
    end
    world.core().sleep(due - k:now())
  end
end

function M.run(world, arguments, options)
  local path = arguments[1]
  local db = options.db or default_db(path)
  local spec
  if not world.exists(db) then
    spec = config.load(path, nil, service.names())
  end
  local k <close> = shared.open(world, db, { create = true, fresh = true })
  local bootstrap
  if k:setting "config" or #k:clusters() > 0 then
    compare(world, k, path, db)
  else
    spec = spec or config.load(path, nil, service.names())
    bootstrap = launch(world, k, spec, path)
  end
  local cranks = run_all(world, k, options)
  local left = inspect.left(k)
  if options.cranks and cranks >= options.cranks and left > 0 then
    world.say("stopped after %s; %s left in the queue", shared.plural(cranks, "crank"),
      shared.plural(left, "item"))
    return shared.STOPPED
  end
  return report_bootstrap(world, bootstrap)
end

return M
