--- Vats that make vats, for the specs of vats' lives beside.

local helpers = require "spec.support.helpers"

-- Makes vats with vat_admin, keeps them by name, and passes on what it is asked to say to them.
local BOSS = [[
  return function(vat)
    local admin
    local made = {}
    local function ask(target, method, ...)
      local e = E(target)
      return await(e[method](e, ...))
    end
    return Far("Boss", {
      bootstrap = function(self, vats, services) admin = services.vat_admin end,
      make = function(self, bundle, settings)
        made[settings.name] = ask(admin, "create_vat", bundle, settings)
        return made[settings.name].root
      end,
      create = function(self, ...) return ask(admin, "create_vat", ...) end,
      ask = function(self, name, method, ...) return ask(made[name].root, method, ...) end,
      admin = function(self, name, method, ...) return ask(made[name].admin, method, ...) end,
      give_admin = function(self, name) return ask(made[name].root, "keep", made[name].admin) end,
      service = function(self, method) return ask(admin, method) end,
      killed_upgrade = function(self, name)
        local terminated = E(made[name].admin):terminate("first")
        local upgraded = E(made[name].admin):upgrade("kid", {})
        return pcall(await, upgraded)
      end,
      upgrade_then_kill = function(self, name, twice)
        local first = E(made[name].admin):upgrade("kid", {})
        local second = E(made[name].admin):upgrade("kid", {})
        E.send_only(made[name].admin):terminate("at once")
        local ok, reason = pcall(await, second)
        return ok, reason
      end,
      forget = function(self, name) made[name] = nil end,
      note = function(self, text) print(text) end,
    })
  end
]]

local KID = [[
  return function(vat, params)
    local admin, open
    local calls = 0
    vat.baggage.started = (vat.baggage.started or 0) + 1
    return Far("Kid", {
      hello = function() return "hello from " .. vat.name, params.word, vat.incarnation end,
      count = function()
        calls = calls + 1
        vat.baggage.count = (vat.baggage.count or 0) + 1
        vat.vatstore.count = tostring(vat.baggage.count)
        return calls, vat.baggage.count, vat.vatstore.count
      end,
      started = function() return vat.baggage.started end,
      other = function() return await(E(params.other):count()) end,
      keep = function(self, x) admin = x end,
      end_myself = function(self)
        local p = E(admin):terminate "by my own hand"
        E.send_only(self):ping()
        return "asked"
      end,
      end_and_wait = function() return await(E(admin):terminate "by my own hand") end,
      upgrade_myself = function() return await(E(admin):upgrade "kid") end,
      wait = function() open = promise() return open end,
      make = function() return Far("Toy", { play = function() return "toy of " .. vat.incarnation end }) end,
      exit = function(self, other, ...)
        if other then E.send_only(other):note "sent before the end" end
        vat.exit(...)
        return "result"
      end,
      fail = function(self, other, reason)
        if other then E.send_only(other):note "must not arrive" end
        vat.exit_with_failure(reason)
      end,
      ping = function() return "pong" end,
    })
  end
]]

local KID2 = [[
  return function(vat, params)
    vat.baggage.started = (vat.baggage.started or 0) + 1
    return Far("Kid", {
      hello = function() return "second hello from " .. vat.name, params.word, vat.incarnation end,
      count = function()
        vat.baggage.count = (vat.baggage.count or 0) + 100
        return vat.baggage.count, vat.vatstore.count
      end,
      started = function() return vat.baggage.started end,
      other = function() return await(E(params.other):count()) end,
    })
  end
]]

local BROKEN = [[
  return function(vat, params)
    vat.baggage.started = "never"
    vat.vatstore.count = "never"
    print "starting"
    error "this one does not start"
  end
]]

local function bosses(more)
  local spec = {
    bootstrap = "boss", services = { "vat_admin" },
    vats = { boss = BOSS },
    bundles = { kid = KID, kid2 = KID2, broken = BROKEN },
  }
  for key, value in pairs(more or {}) do
    spec[key] = value
  end
  local k, logs, cluster = helpers.kernel(spec)
  helpers.run(k)
  return k, logs, cluster
end

--- A source in a file, for what takes a path.
local function source(text)
  local path = helpers.folder() .. "/source.lua"
  helpers.write(path, text)
  return path
end

--- The state without the numbers that were used up.
local function lasting(k)
  return (k:dump():gsub("^counters\n.-\nvats\n", "vats\n"))
end

return {
  BOSS = BOSS, KID = KID, KID2 = KID2, BROKEN = BROKEN, bosses = bosses, source = source,
  lasting = lasting,
}
