--- What the specs of the whole share: kernels from inline vat sources, runs that audit each crank.
--
--   local k, logs, cluster = helpers.kernel { bootstrap = "main", vats = { main = [[...]] } }
--   helpers.run(k)                             -- crank by crank; audit() is empty after each
--   helpers.same(logs.main, { "hello" }, "main's log")
--   helpers.settle(k)                          -- the host lets go: no promise may be left
--
-- Every spec file that uses it says after_each(helpers.clean), which closes what is open and
-- removes what was written. logs[vat] is the list of what that vat printed; logs.all has the
-- whole entries of every level.

local moonvat = require "moonvat"
local pace = require "spec.support.pace"

local M = {}

local CRANKS_MAX <const> = 100000 -- in one run; more is a loop

local known = {}   -- kernel -> what was opened and is held for it
local folders = {} -- to be removed

--- A value as Lua text: floats look like floats, keys are sorted, errors are error values.
local function show(value, indent)
  local kind = type(value)
  if kind == "string" then
    if #value > 2000 then
      return ("(%d bytes) %q..."):format(#value, value:sub(1, 100))
    end
    return (("%q"):format(value):gsub("\\\n", "\\n"))
  elseif math.type(value) == "float" then
    if value ~= value then
      return "nan"
    end
    local text = ("%.17g"):format(value)
    return text:find "[%.einf]" and text or text .. ".0"
  elseif kind ~= "table" then
    return tostring(value)
  end
  indent = indent or ""
  local parts, inner = {}, indent .. "  "
  for i = 1, #value do
    parts[i] = show(value[i], inner)
  end
  local rest = {}
  for key, item in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= #value) then
      local name = type(key) == "string" and key:find "^[%a_][%w_]*$" and key
        or "[" .. show(key, inner) .. "]"
      rest[#rest + 1] = name .. " = " .. show(item, inner)
    end
  end
  table.sort(rest)
  table.move(rest, 1, #rest, #parts + 1, parts)
  local line = table.concat(parts, ", ")
  if #line + #indent < 90 and not line:find "\n" then
    return "{" .. line .. "}"
  end
  return "{\n" .. inner .. table.concat(parts, ",\n" .. inner) .. ",\n" .. indent .. "}"
end
M.show = show

--- What a test wants: both sides are printed when they differ. 3 and 3.0 differ.
function M.same(got, want, what)
  local got_text, want_text = show(got), show(want)
  if got_text ~= want_text then
    error(("%s\n  got:    %s\n  wanted: %s"):format(what or "values differ",
      got_text:gsub("\n", "\n  "), want_text:gsub("\n", "\n  ")), 2)
  end
end

--- The text holds these words, plainly; each of them.
function M.says(text, words, what)
  text = tostring(text)
  for _, word in ipairs(type(words) == "table" and words or { words }) do
    if not text:find(word, 1, true) then
      error(("%s\n  got:    %s\n  wanted: ... %s ..."):format(what or "another message",
        show(text), word), 2)
    end
  end
end

--- Calls what must raise, and gives the error.
function M.raises(what, f, ...)
  local result = table.pack(pcall(f, ...))
  if result[1] then
    error(what .. ": it should have raised, but returned "
      .. show(table.pack(table.unpack(result, 2, result.n))), 2)
  end
  return result[2]
end

--- A new temporary folder, removed by clean(); quick: in memory, where a sync costs nothing.
function M.folder(quick)
  local place = quick and os.rename("/dev/shm", "/dev/shm") and " -p /dev/shm" or ""
  local pipe <close> = assert(io.popen("mktemp -d" .. place))
  local folder = pipe:read "l"
  folders[#folders + 1] = folder
  return folder
end

function M.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

function M.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

--- Copies a database with its side files, as they are on disk.
function M.copy_db(from, to)
  for _, ending in ipairs { "", "-wal" } do
    os.remove(to .. ending)
    local file = io.open(from .. ending, "rb")
    if file then
      M.write(to .. ending, file:read "a")
      file:close()
    end
  end
end

--- Removes a database with its side files.
function M.remove_db(path)
  for _, ending in ipairs { "", "-wal", "-shm", "-journal" } do
    os.remove(path .. ending)
  end
end

local function new_logs()
  local all = {}
  local logs = setmetatable({ all = all }, {
    __index = function(logs, vat)
      logs[vat] = {}
      return logs[vat]
    end,
  })
  return logs, function(entry)
    all[#all + 1] = entry
    if entry.level == "print" then
      table.insert(logs[entry.vat], entry.text)
    end
  end
end

--- The entries of one level, as "vat: text".
function M.level(logs, level)
  local list = {}
  for _, entry in ipairs(logs.all) do
    if entry.level == level then
      list[#list + 1] = tostring(entry.vat) .. ": " .. tostring(entry.text)
    end
  end
  return list
end

--- Opens a kernel on a database, with logs. options are moonvat.open's but for log.
function M.open(db, options)
  local logs, log = new_logs()
  local settings = { db = db, log = log }
  for key, value in pairs(options or {}) do
    settings[key] = value
  end
  local k = moonvat.open(settings)
  known[k] = { db = db, handles = {}, logs = logs }
  return k, logs
end

--- A vat's options, with the time that a slower build needs.
local function paced(options)
  if pace.slow == 1 then
    return options
  end
  local copy = { time_limit = 1 }
  for name, value in pairs(options or {}) do
    copy[name] = value
  end
  if type(copy.time_limit) == "number" then
    copy.time_limit = pace.seconds(copy.time_limit)
  end
  return copy
end

--- Writes the sources into a folder and gives the config that names them.
-- A vat is its source text, or { source = text, parameters = ..., options = ... }.
function M.config(spec)
  local folder = M.folder()
  local config = {
    bootstrap = spec.bootstrap, services = spec.services, vats = {}, bundles = spec.bundles and {},
  }
  for name, vat in pairs(spec.vats or {}) do
    vat = type(vat) == "string" and { source = vat } or vat
    M.write(folder .. "/" .. name .. ".lua", vat.source)
    config.vats[name] = {
      source = name .. ".lua", parameters = vat.parameters, options = paced(vat.options),
    }
  end
  for name, text in pairs(spec.bundles or {}) do
    M.write(folder .. "/bundle-" .. name .. ".lua", text)
    config.bundles[name] = { source = "bundle-" .. name .. ".lua" }
  end
  for name, text in pairs(spec.modules or {}) do
    M.write(folder .. "/" .. name .. ".lua", text)
  end
  return config, folder
end

--- A kernel with these vats launched; db = true for a file, a path, or nothing for memory alone;
-- open = options of moonvat.open; launch = false opens it only.
function M.kernel(spec)
  local db = spec.db or ":memory:"
  if db == true then
    db = M.folder() .. "/kernel.db"
  end
  local k, logs = M.open(db, spec.open)
  if spec.launch == false then
    return k, logs
  end
  local cluster = k:launch(M.config(spec))
  M.hold(k, cluster.bootstrap)
  return k, logs, cluster
end

--- Closes the kernel and opens its database again.
function M.reopen(k, options)
  local db = known[k].db
  known[k] = nil
  k:close()
  return M.open(db, options)
end

function M.db(k)
  return known[k].db
end

function M.close(k)
  known[k] = nil
  k:close()
end

--- Remembers a handle, for settle().
function M.hold(k, handle)
  if handle then
    table.insert(known[k].handles, handle)
  end
  return handle
end

function M.audit(k, what)
  M.same(k:audit(), {}, "audit finds problems " .. (what or ""))
end

--- Runs until nothing is to be done, crank by crank, with an audit after each.
function M.run(k, what)
  local cranks = 0
  while k:step() do
    cranks = cranks + 1
    M.audit(k, ("after crank %d of this run%s"):format(cranks, what and " of " .. what or ""))
    if cranks > CRANKS_MAX then
      error("the queue never becomes empty:\n" .. show(k:queue()), 2)
    end
  end
  M.audit(k, "at rest")
  return cranks
end

function M.send(k, ...)
  return M.hold(k, k:send(...))
end

--- Sends, runs with audits, and gives the values or raises the reason.
function M.call(k, ...)
  local handle = M.send(k, ...)
  M.run(k, tostring((select(2, ...))))
  if handle:status() == "unresolved" then
    error(("%s never settles; the promises are:\n%s"):format(handle.kref, show(k:promises())), 2)
  end
  return handle:values()
end

--- Sends, runs with audits, and gives the reason of what must be a rejection.
function M.reason(k, ...)
  local handle = M.send(k, ...)
  M.run(k, tostring((select(2, ...))))
  if handle:status() ~= "rejected" then
    error(("%s should be rejected, but is %s"):format(select(2, ...), handle:status()), 2)
  end
  return handle:reason()
end

--- The host lets go of all its handles: after a run no promise is left at all.
function M.settle(k)
  for _, handle in ipairs(known[k].handles) do
    handle:release()
  end
  known[k].handles = {}
  M.run(k, "settle")
  local promises = k:promises()
  if #promises > 0 then
    local lines = { "promises are left that nobody should hold:" }
    for _, row in ipairs(promises) do
      lines[#lines + 1] = show(row) .. " held by " .. show(k:holders(row.kref))
    end
    error(table.concat(lines, "\n  "), 2)
  end
end

--- The row of a listing with this value in this field.
function M.row(list, field, value)
  for _, row in ipairs(list) do
    if row[field] == value then
      return row
    end
  end
end

--- A vat's row, by name.
function M.vat(k, name)
  return M.row(k:vats(), "name", name)
end

--- One field of every row, in order.
function M.column(list, field)
  local column = {}
  for i, row in ipairs(list) do
    column[i] = row[field]
  end
  return column
end

--- The program of this build, beside the module.
function M.program()
  local core = assert(package.searchpath("moonvat.core", package.cpath))
  return (core:gsub("lib/moonvat/core%.so$", "moonvat"))
end

--- Runs a command: its output, what it said on standard error, and its exit status.
function M.command(command)
  local folder = M.folder()
  local _, _, status = os.execute(("( %s ) >%s/out 2>%s/err </dev/null"):format(
    command, folder, folder))
  return M.read(folder .. "/out"), M.read(folder .. "/err"), status
end

--- Closes every kernel and removes every folder; each spec file calls it after each test.
function M.clean()
  for k in pairs(known) do
    known[k] = nil
    pcall(k.close, k)
  end
  for i = #folders, 1, -1 do
    os.execute("rm -rf " .. folders[i])
    folders[i] = nil
  end
end

return M
