--- What passing and dropping objects leaves behind: . build/env; lua5.4 bench/garbage.lua
--
--   lua5.4 bench/garbage.lua [--json] [N ...]
--
-- One vat makes N objects in portions of 1,000, another uses each once and drops it; neither has a
-- transcript. Each N (1,000 to 1,000,000 when none is given) is a process of its own on a new
-- database. Memory is that of the process at the end (RSS); the file's size is without its free
-- pages, as VACUUM would leave it; open is from opening the database again to its first answer.
-- Nothing of this should grow with N.

local core = require "moonvat.core"
local moonvat = require "moonvat"

local PORTION <const> = 1000
local COUNTS <const> = { 1000, 10000, 100000, 1000000 }

local MAKER <const> = [[
  return function()
    local function thing()
      return Far("Thing", { touch = function() end })
    end
    return Far("Maker", {
      make = function(self, n)
        local list = {}
        for i = 1, n do list[i] = thing() end
        return list
      end,
    })
  end
]]

local USER <const> = [[
  return function()
    return Far("User", {
      use = function(self, maker, n)
        for _, x in ipairs(await(E(maker):make(n))) do E.send_only(x):touch() end
      end,
      ping = function() return "pong" end,
    })
  end
]]

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

local function resident_KiB()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+)"
    if size then
      return math.tointeger(tonumber(size))
    end
  end
end

--- From the file's header: pages less free pages.
local function file_KiB(path)
  local file <close> = assert(io.open(path, "rb"))
  local header = file:read(100)
  local page_size = string.unpack(">I2", header, 17)
  local pages, free = string.unpack(">I4", header, 29), string.unpack(">I4", header, 37)
  return (pages - free) * (page_size == 1 and 65536 or page_size) // 1024
end

local function measure(folder, count)
  local db = folder .. "/garbage.db"
  write(folder .. "/maker.lua", MAKER)
  write(folder .. "/user.lua", USER)
  local options = { transcript = false }
  local k = moonvat.open { db = db, commit_every = 1000 }
  k:launch({ vats = {
    maker = { source = "maker.lua", options = options },
    user = { source = "user.lua", options = options },
  } }, folder)
  k:call("user", "use", k:root "maker", PORTION)
  k:collect_garbage()
  local rows = k:stats().objects
  local start = core.clock()
  for _ = 1, count // PORTION do
    k:call("user", "use", k:root "maker", PORTION)
  end
  k:collect_garbage()
  local seconds = core.clock() - start
  local memory, left = resident_KiB(), k:stats().objects - rows
  k:close()
  local size = file_KiB(db)
  start = core.clock()
  k = moonvat.open { db = db }
  assert(k:call("user", "ping") == "pong")
  local open = core.clock() - start
  k:close()
  return { objects = count, us_object = seconds * 1e6 / count, rss_KiB = memory, file_KiB = size,
    open_ms = open * 1e3, left = left }
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The same in a process of its own, so that its memory is that of this count alone.
local function measure_alone(count)
  local pipe <close> = assert(io.popen "mktemp -d")
  local folder = pipe:read "l"
  local child <close> = assert(io.popen(("%s %s --one %s %d"):format(quote(arg[-1] or "lua5.4"),
    quote(arg[0]), quote(folder), count)))
  local result = {}
  for key, value in child:read "a":gmatch "(%S+) (%S+)" do
    result[key] = tonumber(value)
  end
  os.execute("rm -rf " .. quote(folder))
  return assert(result.objects and result, "the run of " .. count .. " objects has failed")
end

local COLUMNS <const> = {
  { "objects", "objects", "%d" },
  { "us_object", "us/object", "%.2f" },
  { "rss_KiB", "RSS KiB", "%d" },
  { "file_KiB", "file KiB", "%d" },
  { "open_ms", "open ms", "%.1f" },
  { "left", "rows left", "%d" },
}

local function print_json(result)
  local parts = {}
  for i, column in ipairs(COLUMNS) do
    parts[i] = ('"%s":%s'):format(column[1], column[3]:format(result[column[1]]))
  end
  print("{" .. table.concat(parts, ",") .. "}")
end

local function print_line(result)
  local parts = {}
  for i, column in ipairs(COLUMNS) do
    parts[i] = ("%10s"):format(result and column[3]:format(result[column[1]]) or column[2])
  end
  print(table.concat(parts))
end

if arg[1] == "--one" then
  for key, value in pairs(measure(arg[2], math.tointeger(tonumber(arg[3])))) do
    print(key .. " " .. value)
  end
  return
end

local json, counts = false, {}
for _, word in ipairs(arg) do
  local count = math.tointeger(tonumber(word))
  if word == "--json" then
    json = true
  elseif count and count >= PORTION then
    counts[#counts + 1] = count
  else
    io.stderr:write("usage: lua5.4 bench/garbage.lua [--json] [N ...], N at least 1000\n")
    os.exit(2)
  end
end
if not json then
  print_line()
end
for _, count in ipairs(#counts > 0 and counts or COUNTS) do
  local result = measure_alone(count)
  if json then
    print_json(result)
  else
    print_line(result)
  end
  io.stdout:flush()
end
