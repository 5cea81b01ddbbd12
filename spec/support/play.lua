--- A kernel whose vats the spec plays, for the specs of state and kernel.
--
--   local k = play.kernel { "a", "b" }             -- v1 and v2, started, nothing else
--   k:send("ko2", "m", { "ko1", 5 })               -- from the host: the result's kref
--   local delivery = k:crank { syscalls = ... }    -- one crank, answered with this outcome
--   k:drain(function(delivery) return outcome end) -- all cranks
--
-- Every crank is followed by an audit. Close all with after_each(play.clean).

local kerneltest = require "moonvat.kerneltest"

local M = {}

local Kernel = {}

--- Methods of the spec's own come first, then those of the kernel.
Kernel.__index = function(_, name)
  return Kernel[name] or function(self, ...)
    return self.kernel[name](self.kernel, ...)
  end
end

local opened, folders = {}, {}

--- A new folder that clean() removes; quick: in memory, where a sync costs nothing.
function M.folder(quick)
  local place = quick and os.rename("/dev/shm", "/dev/shm") and " -p /dev/shm" or ""
  local pipe <close> = assert(io.popen("mktemp -d" .. place))
  local folder = pipe:read "l"
  folders[#folders + 1] = folder
  return folder
end

--- A path for a database in a folder of its own.
function M.path(quick)
  return M.folder(quick) .. "/kernel.db"
end

--- Opens a kernel: itself, or nil and the reason.
function M.try_open(path, reading)
  local kernel, reason = kerneltest.open(path, reading)
  if kernel == nil then
    return nil, reason
  end
  local self = setmetatable({ kernel = kernel, path = path }, Kernel)
  opened[#opened + 1] = self
  return self
end

function M.open(path)
  return assert(M.try_open(path or ":memory:"))
end

--- A kernel with vats of these names: v1, v2, ... options by name; path of a file, or memory.
function M.kernel(names, options, path)
  local self = M.open(path)
  for _, name in ipairs(names) do
    self:start(name, options and options[name])
  end
  return self
end

--- Closes what is open, without a commit, and removes what is on disk.
function M.clean()
  for i = #opened, 1, -1 do
    opened[i].kernel:close()
    opened[i] = nil
  end
  for i = #folders, 1, -1 do
    os.execute("rm -rf '" .. folders[i] .. "'")
    folders[i] = nil
  end
end

--- Starts one vat: its id.
function Kernel:start(name, options, outcome)
  self:start_begin()
  local delivery = self:start_vat(name, options or {})
  assert(self:start_finish(outcome or {}))
  self:start_end(true)
  return delivery.vat, delivery
end

function Kernel:check(what)
  local problems = self:audit()
  if problems ~= "" then
    error(("%s: the audit says:\n%s"):format(what or "crank", problems), 3)
  end
end

--- One crank: its delivery, or nil when it had none; false when there was nothing to do.
-- outcome may be a function of the delivery.
function Kernel:crank(outcome)
  local step, delivery = self:begin()
  if step == "deliver" or step == "upgrade" then
    if type(outcome) == "function" then
      outcome = outcome(delivery)
    end
    delivery.upgrade = step == "upgrade"
    delivery.kept = self[delivery.upgrade and "upgrade_finish" or "finish"](self, outcome)
  end
  if step == "stopped" then
    error(self:stopped(), 2)
  end
  self:check(step)
  return step ~= "idle" and delivery
end

--- All cranks, but not more than most; the deliveries in order.
function Kernel:drain(outcome, most)
  local list = {}
  for _ = 1, most or 10000 do
    local delivery = self:crank(outcome)
    if delivery == false then
      return list
    end
    list[#list + 1] = delivery
  end
  error("the queue never becomes empty", 2)
end

--- Makes the file what an older Moonvat, which knew format 2, would have written: no views.
function Kernel:make_format_2()
  for _, row in ipairs(self:sql "SELECT name FROM sqlite_schema WHERE type = 'view'") do
    self:sql("DROP VIEW " .. row[1])
  end
  self:sql "DROP TABLE opened"
  self:sql "PRAGMA user_version = 2"
end

--- Makes the file what an older Moonvat, which knew format 1, would have written.
function Kernel:make_format_1()
  self:make_format_2()
  for _, sql in ipairs {
    "DROP TABLE image", "DROP INDEX vat_untold", "DROP INDEX vat_ending", "DROP INDEX vat_reap",
    "DROP INDEX vat_bundle", "DROP INDEX queue_to_promise", "DROP INDEX object_unreached",
    "DROP INDEX object_subject",
    "ALTER TABLE object DROP COLUMN root", "ALTER TABLE queue DROP COLUMN line",
    "CREATE INDEX object_unreached ON object (id) WHERE reachable = 0",
    "PRAGMA user_version = 1",
  } do
    self:sql(sql)
  end
end

--- Commits, closes, opens again.
function Kernel:reopen()
  assert(self:commit(), self:stopped())
  self.kernel:close()
  self.kernel = assert(kerneltest.open(self.path))
  return self
end

--- The first column of the first row.
function Kernel:value(sql)
  local row = self:sql(sql)[1]
  return row and row[1]
end

--- What a vat's reference stands for; nil when it has none.
function Kernel:kref(vat, vref)
  return self:value(("SELECT kref FROM clist WHERE vat = %s AND vref = '%s'"):format(
    vat:sub(2), vref))
end

--- A vat's reference for something; nil when it has none.
function Kernel:vref(vat, kref)
  return self:value(("SELECT vref FROM clist WHERE vat = %s AND kref = '%s'"):format(
    vat:sub(2), kref))
end

--- Rows of a section of the dump, as a list of lines.
function Kernel:section(heading)
  local lines = {}
  local inside = false
  for line in self:dump():gmatch "[^\n]+" do
    if line:sub(1, 1) ~= " " then
      inside = line == heading
    elseif inside then
      lines[#lines + 1] = line:sub(3)
    end
  end
  return lines
end

--- One line for each delivery, short: "v1 m ko1 -> p-1", "v2 notify p+1 fulfilled 5".
function M.line(delivery)
  local words = { delivery.vat, delivery.method or delivery.kind }
  if delivery.kind == "message" then
    words[#words + 1] = "(" .. delivery.text .. ")"
    words[#words + 1] = delivery.result and "-> " .. delivery.result
  end
  for _, settlement in ipairs(delivery.settlements or {}) do
    words[#words + 1] = ("%s %s (%s)"):format(settlement.promise, settlement.state,
      settlement.text)
  end
  for _, vref in ipairs(delivery.refs or {}) do
    words[#words + 1] = vref
  end
  return table.concat(words, " ")
end

function M.lines(deliveries)
  local list = {}
  for i, delivery in ipairs(deliveries) do
    list[i] = M.line(delivery)
  end
  return list
end

return M
