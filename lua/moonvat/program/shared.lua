--- What the commands share: exit statuses, how a command fails, opening a database.

local M = {}

M.DONE = 0
M.FAILED = 1
M.USAGE = 2
M.NOT_FOUND = 3
M.STOPPED = 4
M.IN_USE = 5
M.AUDIT = 6

M.AFTERWARDS_MAX = 10000 -- cranks that a call still runs once it has its answer

--- Ends a command with an exit status and a message.
function M.fail(status, message, ...)
  error({ status = status, message = string.format(message, ...) }, 0)
end

--- Opens the database that a command names.
---@param world World
---@param path string
---@param settings { readonly: boolean?, create: boolean?, fresh: boolean? } whether it may be made
--- when it is missing, and whether it may be one in memory
---@return Kernel
function M.open(world, path, settings)
  if path == ":memory:" and not settings.fresh then
    M.fail(M.USAGE, "a database in memory begins empty; name a file, as in bank.db")
  elseif not settings.create and path ~= ":memory:" and not world.exists(path) then
    M.fail(M.FAILED, "%s: no such database; moonvat run CONFIG --db %s makes one", path, path)
  end
  return world.open { db = path, readonly = settings.readonly, log = world.log }
end

function M.print_lines(world, lines)
  for _, line in ipairs(lines) do
    world.out(line .. "\n")
  end
end

function M.plural(count, word)
  return string.format("%d %s", count, count == 1 and word or (word .. "s"):gsub("ys$", "ies"))
end

return M
