--- The service `timer`: E(timer):after(seconds), :at(time) and :every(seconds, target, method).
--
-- A call of after or at stays unanswered until it is due; the kernel keeps it. When that is stands
-- in a setting, "timer.<call>", so that opening the database again does not put it off. What every
-- returns is an object of the host's, with the setting "every.<its kref>", and its target pinned.
-- Timers that are due are fired when nothing else is to be done, and now and then while there is.

local core = require "moonvat.core"

local M = {}

local kernel <const> = core.methods -- what goes wrong here is data

local LEAST_INTERVAL <const> = 0.001 -- shorter ones would leave time for nothing else

---@class Timer
---@field due number
---@field seq integer the call that asked for it: of equal times the older comes first
---@field setting string
---@field gone? boolean it was cancelled
---@field ticker? string every's: its object
---@field seconds? number
---@field target? string
---@field method? string

local waiting = setmetatable({}, { __mode = "k" }) -- kernel -> its timers, as a heap
local tickers = setmetatable({}, { __mode = "k" }) -- kernel -> kref -> every's timer

-- The heap: the first to fire is at 1, each before those at twice its place and one more.

local function is_before(a, b)
  if a.due ~= b.due then
    return a.due < b.due
  end
  return a.seq < b.seq
end

local function put(heap, timer)
  local at = #heap + 1
  while at > 1 and is_before(timer, heap[at // 2]) do
    heap[at] = heap[at // 2]
    at = at // 2
  end
  heap[at] = timer
end

local function take(heap)
  local first, last = heap[1], table.remove(heap)
  if #heap == 0 then
    return first
  end
  local at = 1
  while true do
    local next_at = 2 * at
    if heap[next_at + 1] and is_before(heap[next_at + 1], heap[next_at]) then
      next_at = next_at + 1
    end
    if not heap[next_at] or not is_before(heap[next_at], last) then
      break
    end
    heap[at] = heap[next_at]
    at = next_at
  end
  heap[at] = last
  return first
end

local function first_of(k)
  local heap = waiting[k]
  while heap and heap[1] and heap[1].gone do
    take(heap)
  end
  local first = heap and heap[1]
  if not first then
    kernel.set_timers(k, false)
  end
  return first
end

local function start(k, timer)
  put(waiting[k], timer)
  if timer.ticker then
    tickers[k][timer.ticker] = timer
  end
  kernel.set_timers(k, true)
end

-- Settings. A method's name may hold any byte; a setting is one line of words.

local function store(k, timer)
  local value = ("%.17g"):format(timer.due)
  if timer.ticker then
    value = ("%s %.17g %d %s %s"):format(value, timer.seconds, timer.seq, timer.target,
      (timer.method:gsub("[^%w_]", function(byte)
        return ("%%%02x"):format(byte:byte())
      end)))
  end
  kernel.set_setting(k, timer.setting, value)
end

-- nil: no kernel can have written it.
local function load_timer(setting)
  local due, seq = tonumber(setting.value), math.tointeger(setting.name:match "%.(%d+)$")
  return due and seq and { due = due + 0.0, seq = seq, setting = setting.name }
end

local function load_ticker(setting)
  local due, seconds, seq, target, method =
    setting.value:match "^(%S+) (%S+) (%d+) (ko%d+) (%S*)$"
  due, seconds, seq = tonumber(due), tonumber(seconds), math.tointeger(seq)
  if not (due and seconds and seconds >= LEAST_INTERVAL and seq) then
    return nil
  end
  return {
    due = due + 0.0, seconds = seconds + 0.0, seq = seq, target = target,
    method = (method:gsub("%%(%x%x)", function(byte)
      return string.char(tonumber(byte, 16))
    end)),
    setting = setting.name, ticker = setting.name:match "^every%.(.*)$",
  }
end

local function start_all(k, db, prefix, load_one)
  for _, setting in ipairs(kernel.settings(k, prefix)) do
    local timer = load_one(setting)
    if not timer then
      error(("%s is damaged: table setting, row %s makes no sense; use a copy from before"):format(
        db, setting.name), 0)
    end
    start(k, timer)
  end
end

--- Takes up the timers of a database that was opened.
---@param k Kernel
---@param db string its name, for errors
function M.open(k, db)
  waiting[k], tickers[k] = {}, {}
  start_all(k, db, "timer.", load_timer)
  start_all(k, db, "every.", load_ticker)
end

-- Checking

local function show(value)
  return type(value) == "string" and ("%q"):format(value):sub(1, 40) or tostring(value)
end

local function check_number(value, least, what)
  if type(value) ~= "number" or not (value >= least and value < math.huge) then
    error(("%s, got %s"):format(what, show(value)), 0)
  end
  return value + 0.0
end

local function check_target(value)
  local kref = type(value) == "userdata" and tostring(value)
  if not kref then
    error(("every takes an object to send to after the seconds, got %s"):format(show(value)), 0)
  elseif not kref:find "^ko%d+$" then
    error("every takes an object to send to, got a promise: await it first", 0)
  end
  return kref
end

-- The service

local function wait_until(k, call, due)
  local timer = { due = due, seq = call.seq, setting = "timer." .. call.seq }
  store(k, timer)
  start(k, timer)
end

-- A call that was made before the database was opened is shown again: it waits already.
local function is_known(k, call)
  return kernel.setting(k, "timer." .. call.seq) ~= nil
end

local service = {}

function service.after(k, call, seconds)
  seconds = check_number(seconds, 0, "after takes a number of seconds of at least 0")
  if not is_known(k, call) then
    wait_until(k, call, kernel.now(k) + seconds)
  end
end

function service.at(k, call, time)
  time = check_number(time, 0, "at takes a time in seconds of at least 0, as vat.now() gives it")
  if not is_known(k, call) then
    wait_until(k, call, time)
  end
end

function service.every(k, call, seconds, target, method)
  seconds = check_number(seconds, LEAST_INTERVAL,
    ("every takes a number of seconds of at least %g"):format(LEAST_INTERVAL))
  local kref = check_target(target)
  if type(method) ~= "string" or #method > 256 then
    error(("every takes a method's name after the target, got %s"):format(show(method)), 0)
  end
  local object = kernel.host_object(k, "Ticker")
  local timer = {
    due = kernel.now(k) + seconds, seconds = seconds, seq = call.seq,
    target = kref, method = method,
    setting = "every." .. object.kref, ticker = object.kref,
  }
  kernel.pin(k, kref)
  store(k, timer)
  start(k, timer)
  kernel.answer(k, call.seq, true, object)
  object:release()
end

-- A call holds its arguments itself, until it is answered.
for name, method in pairs(service) do
  service[name] = function(k, call, ...)
    for _, value in pairs { ... } do
      if type(value) == "userdata" then
        value:release()
      end
    end
    return method(k, call, ...)
  end
end

local function stop(k, timer)
  timer.gone = true
  tickers[k][timer.ticker] = nil
  kernel.set_setting(k, timer.setting, nil)
  kernel.unpin(k, timer.target)
  kernel.unpin(k, timer.ticker)
end

local ticker = {}

-- True when it was not cancelled before.
function ticker.cancel(k, call)
  local timer = tickers[k][call.object]
  if timer then
    stop(k, timer)
  end
  kernel.answer(k, call.seq, true, timer ~= nil)
end

--- The methods by the name of the service or object.
M.methods = { timer = service, Ticker = ticker }

-- Firing

-- One message, however many were due since: a vat that is suspended gets none, and one that is no
-- more ends it.
local function tick(k, timer, now)
  local state = kernel.target_state(k, timer.target)
  if state == "gone" then
    return stop(k, timer)
  end
  local missed = math.floor((now - timer.due) / timer.seconds)
  timer.due = timer.due + (missed + 1) * timer.seconds
  if timer.due <= now then -- the interval is too small to be added to so large a time
    timer.due = now + math.max(timer.seconds, 1)
  end
  store(k, timer)
  put(waiting[k], timer)
  if state == "runs" then
    kernel.send(k, timer.target, timer.method):release()
  end
end

local function fire(k)
  local now, fired = kernel.now(k), false
  local first = first_of(k)
  while first and first.due <= now do
    take(waiting[k])
    fired = true
    if first.ticker then
      tick(k, first, now)
    else
      kernel.set_setting(k, first.setting, nil)
      pcall(kernel.answer, k, first.seq, true) -- unless a program with its own timer did
    end
    first = first_of(k)
  end
  return fired
end

core.set_ticker(fire)

--- When the next timer is due; nil: there is none.
---@param k Kernel
---@return number?
function M.next_due(k)
  local first = first_of(k)
  return first and first.due
end

return M
