--- The commands that change what a kernel has: install, upgrade, compact.

local config = require "moonvat.config"
local literal = require "moonvat.literal"
local shared = require "moonvat.program.shared"

local M = {}

function M.install(world, arguments)
  local k <close> = shared.open(world, arguments[1], {})
  config.check_name(nil, arguments[2], "bundle")
  world.out(k:install_bundle(arguments[2], config.load_source(arguments[3], "")) .. "\n")
end

local function size_text(path)
  local file <close> = io.open(path, "rb")
  return file and ("%d KiB"):format((file:seek "end" + 1023) // 1024) or "no file"
end

function M.compact(world, arguments)
  local path = arguments[1]
  local before = size_text(path)
  local done
  do
    local k <close> = shared.open(world, path, {})
    done = k:compact()
  end
  world.say("%s: %s of %s pruned; %s, was %s", path, shared.plural(done.deliveries, "delivery"),
    shared.plural(done.vats, "vat"), size_text(path), before)
  if done.vats > 0 then
    world.say("these vats now come back by their images alone; another build of the vat layer than "
      .. "this one (%s) cannot use them: there, upgrade the vats", done.build:sub(1, 12))
  end
  if done.skipped > 0 then
    world.say("%s cannot be brought back, and kept what it has", shared.plural(done.skipped, "vat"))
  end
end

local function try_upgrade(world, k, vat, source)
  local result = k:try_upgrade(vat, { bundle = source and config.load_source(source, "") })
  if not result.ok then
    world.complain("the upgrade would fail: " .. literal.plain(tostring(result.reason)))
    return shared.FAILED
  end
  if result.promises > 0 then
    world.say("%s that it has made would be rejected VatUpgraded",
      shared.plural(result.promises, "promise"))
  end
  world.say("the upgrade would succeed; nothing has been changed")
  world.out(literal.show { incarnation = result.incarnation } .. "\n")
end

function M.upgrade(world, arguments, options)
  local k <close> = shared.open(world, arguments[1], {})
  if options["dry-run"] then
    return try_upgrade(world, k, arguments[2], arguments[3])
  end
  local source = arguments[3] and config.load_source(arguments[3], "")
  local how, result = k:settle(k:upgrade_vat(arguments[2], { bundle = source }))
  if how == "unresolved" then
    shared.fail(shared.FAILED, "the upgrade of %s waits, and there is nothing left to run",
      arguments[2])
  elseif how == "rejected" then
    world.complain(literal.reason(result))
    return shared.FAILED
  end
  world.out(literal.show(result) .. "\n")
  k:run { cranks = shared.AFTERWARDS_MAX }
end

return M
