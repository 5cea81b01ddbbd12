--- One vat without a kernel, for the specs of the vat layer.
--
--   local vat = lone.start [[ return Far("Main", { add = function(self, a, b) return a + b end }) ]]
--   vat:call("add", 1, 2)          -- { promise = "p-1", state = "fulfilled", values = { 3, n = 1 } }
--   vat:message("add", 1, 2)       -- the whole outcome, kept
--   vat:notify("p+1", "fulfilled", 7)
--
-- The source is the build function's body; vat and params are its arguments. Each delivery is
-- kept. Close what was opened with after_each(lone.clean).

local test = require "moonvat.test"

local M = { ref = test.ref }

local Lone = {}
Lone.__index = Lone

local opened = {}

--- Opens a vat whose options and main chunk are given; it has not started.
function M.open(options)
  local self = setmetatable({ vat = test.vat(options), results = 0 }, Lone)
  opened[#opened + 1] = self.vat
  return self
end

function M.clean()
  for i = #opened, 1, -1 do
    opened[i]:close()
    opened[i] = nil
  end
end

--- Opens and starts one. options: as of test.vat, and params, incarnation, rows, and paged (the
--- names of the tables that fetch their rows as they are read).
function M.start(source, options)
  options = options or {}
  options.main = "return function(vat, params)\n" .. source .. "\nend"
  local self = M.open(options)
  for _, space in ipairs(options.paged or {}) do
    self.vat:page(space)
  end
  for _, row in ipairs(options.rows or {}) do
    self.vat:load(table.unpack(row))
  end
  local outcome = self:deliver {
    kind = "start_vat", name = options.name or "main", incarnation = options.incarnation or 0,
    args = { options.params },
  }
  if outcome.fault then
    error(outcome.fault .. ": " .. outcome.reason, 2)
  end
  self.started = outcome
  return self
end

function Lone:deliver(delivery)
  local outcome = self.vat:deliver(delivery)
  self.vat:keep()
  self.outcome = outcome
  return outcome
end

function Lone:send(target, method, ...)
  self.results = self.results + 1
  return self:deliver {
    kind = "message", target = target, result = "p-" .. self.results, method = method,
    args = table.pack(...),
  }
end

--- A message to the root.
function Lone:message(method, ...)
  return self:send("o+0", method, ...)
end

--- A message to the root, which must settle its result: the settlement.
function Lone:call(method, ...)
  local outcome = self:message(method, ...)
  assert(not outcome.fault, outcome.reason)
  return assert(M.settlement(outcome, "p-" .. self.results), "the result was not settled")
end

--- The same, and its values.
function Lone:values(method, ...)
  local settlement = self:call(method, ...)
  if settlement.state ~= "fulfilled" then
    error(method .. " was rejected: " .. tostring(settlement.values[1]), 2)
  end
  return table.unpack(settlement.values, 1, settlement.values.n)
end

--- The same for a rejection: its reason.
function Lone:reason(method, ...)
  local settlement = self:call(method, ...)
  assert(settlement.state == "rejected", method .. " was not rejected")
  return settlement.values[1]
end

function Lone:notify(promise, state, ...)
  return self:deliver {
    kind = "notify", { promise = promise, state = state, values = table.pack(...) },
  }
end

--- How the outcome settles this promise, if it does.
function M.settlement(outcome, promise)
  for _, syscall in ipairs(outcome.syscalls) do
    if syscall.kind == "resolve" then
      for _, settlement in ipairs(syscall) do
        if settlement.promise == promise then
          return settlement
        end
      end
    end
  end
end

--- The outcome's syscalls of one kind.
function M.syscalls(outcome, kind)
  local list = {}
  for _, syscall in ipairs(outcome.syscalls) do
    if syscall.kind == kind then
      list[#list + 1] = syscall
    end
  end
  return list
end

--- The outcome's lines of one level, by default what was printed.
function M.log(outcome, level)
  local lines = {}
  for _, line in ipairs(outcome.log) do
    if line.level == (level or "print") then
      lines[#lines + 1] = line.text
    end
  end
  return lines
end

return M
