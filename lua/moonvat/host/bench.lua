--- `moonvat bench`: the workloads W1 to W7, measured.
--
-- Each run is a process of its own on a database file of its own, this program started again with
-- --one; what is shown is the median of the runs. bench/README.md defines the workloads.

local json = require "moonvat.host.json"

local M = {}

local COMMITS <const> = { 1, 100, 1000 }

local TITLES <const> = {
  w1 = "W1 ping-pong: calls, each awaited",
  w2 = "W2 one-way: sends whose results nobody looks at",
  w3 = "W3 vatstore: 10 gets and 10 sets of 100 bytes a delivery",
  w4 = "W4 vats: their creation, and what they take",
  w5 = "W5 restart: from opening to an answer",
  w6 = "W6 churn: objects passed, dropped and collected",
  w7 = "W7 lives: vats made from a stored bundle, all upgraded; durable instances",
}
local ALIASES <const> = {
  ["ping-pong"] = "w1",
  ["one-way"] = "w2",
  vatstore = "w3",
  vats = "w4",
  restart = "w5",
  churn = "w6",
  lives = "w7",
}
local WORKLOADS <const> = { "w1", "w2", "w3", "w4", "w5", "w6", "w7" }

-- What a workload's figures are called in the table, in order.
local COLUMNS <const> = {
  w1 = {
    { "rounds_s", "rounds/s" },
    { "deliveries_s", "deliveries/s" },
    { "bare_commits_s", "bare commits/s" },
    { "ratio", "ratio" },
  },
  w2 = { { "sends_s", "sends/s" }, { "deliveries_s", "deliveries/s" } },
  w3 = {
    { "delivery_us", "us/delivery" },
    { "operation_us", "us/operation" },
    { "fill_key_us", "fill us/key" },
  },
  w4 = { { "vat_ms", "ms/vat" }, { "vat_KiB", "KiB/vat" } },
  w5 = { { "open_ms", "open ms" }, { "first_ms", "first ms" }, { "all_ms", "all ms" } },
  w6 = {
    { "object_us", "us/object" },
    { "pass_us", "pass us" },
    { "collect_us", "collect us" },
  },
  w7 = {
    { "made_s", "vats made/s" },
    { "upgrade_s", "upgrade_all s" },
    { "open_ms", "open ms" },
    { "first_ms", "first ms" },
    { "resident_MiB", "resident MiB" },
  },
}

local USAGE <const> = [[
usage: moonvat bench [WORKLOAD] [--json] [--runs N] [--quick] [--dir DIR]

  WORKLOAD    w1 ping-pong, w2 one-way, w3 vatstore, w4 vats, w5 restart,
              w6 churn, w7 lives; all when none is given
  --json      one object a line
  --runs N    runs of each case, of which the median is shown: 5
  --quick     one run of each case, a tenth of the work, no large cases
  --dir DIR   where the databases are made and removed again: $TMPDIR or /tmp
]]

---@class BenchCase
---@field workload string
---@field name string
---@field params table<string, integer>

--- The cases of one workload. `scale` divides the number of repetitions.
---@return BenchCase[]
local function cases_of(workload, scale, quick)
  local cases = {}
  local function add(name, commit, params)
    params.commit = commit
    cases[#cases + 1] = { workload = workload, name = name, params = params }
  end
  local function each_commit(name, small, large, params)
    for _, commit in ipairs(COMMITS) do
      local copy = { n = (commit == 1 and small or large) // scale }
      for key, value in pairs(params or {}) do
        copy[key] = value
      end
      add(name, commit, copy)
    end
  end
  if workload == "w1" then
    each_commit("calls", 2000, 50000)
  elseif workload == "w2" then
    each_commit("send_only", 2000, 20000)
    each_commit("E, ignored", 2000, 20000, { ignore = 1 })
  elseif workload == "w3" then
    each_commit("1,000 keys", 1000, 5000, { keys = 1000 })
    if not quick then
      each_commit("100,000 keys", 1000, 5000, { keys = 100000 })
    end
    each_commit("baggage, 1,000 keys", 1000, 5000, { keys = 1000, baggage = 1 })
  elseif workload == "w4" then
    for _, vats in ipairs(quick and { 10, 100 } or { 10, 100, 1000 }) do
      each_commit(vats .. ", one by one", 0, 0, { vats = vats })
      add(vats .. ", one config", 1, { vats = vats, together = 1 })
    end
  elseif workload == "w7" then
    local vats = 1000 // scale
    add(vats .. " vats", 100, { vats = vats })
    for _, instances in ipairs { 10, 1000000 // scale // (quick and 10 or 1) } do
      add(instances .. " instances", 100, { instances = instances })
    end
  elseif workload == "w6" then
    for _, commit in ipairs(COMMITS) do
      local rounds = commit == 1 and 1 or 20 // scale
      add("500 objects", commit, { objects = 500, rounds = rounds })
    end
    add("5,000 objects", 1000, { objects = 5000, rounds = 2 })
  else
    for _, vats in ipairs(quick and { 10 } or { 10, 100 }) do
      for _, deliveries in ipairs { 100 // scale, 1000 // scale } do
        local name = ("%d vats, %d deliveries"):format(vats, deliveries)
        each_commit(name, 0, 0, { vats = vats, deliveries = deliveries })
      end
    end
    if not quick then
      add("1000 vats, 1 delivery", 1000, { vats = 1000, deliveries = 1 })
    end
  end
  return cases
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- What a shell command prints, and whether it ended well.
local function capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  return text, pipe:close() == true
end

--- The shell words that start this command again, in the program or in a stock lua.
local function self_command()
  local program = capture("readlink /proc/$PPID/exe"):gsub("\n$", "")
  if program:match("[^/]*$"):match("^lua") then
    local chunk = 'os.exit(require("moonvat.host.bench").main(arg), true)'
    return ("%s -e %s /dev/null"):format(quote(program), quote(chunk))
  end
  return quote(program) .. " bench"
end

local function words(workload, params, db)
  local list = { "--one", workload, quote(db) }
  for key, value in pairs(params) do
    list[#list + 1] = ("%s=%d"):format(key, value)
  end
  return table.concat(list, " ")
end

--- Runs one measurement in a process of its own; returns its figures, or nil.
local function run_alone(workload, params, db)
  local text, ok = capture(self_command() .. " " .. words(workload, params, db))
  if not ok then
    return nil
  end
  local figures = {}
  for key, value in text:gmatch("([%w_]+)=(%S+)") do
    figures[key] = tonumber(value)
  end
  return figures
end

local function one(args)
  local workload, db = args[2], args[3]
  local params = {}
  for i = 4, #args do
    local key, value = args[i]:match("^([%w_]+)=(%d+)$")
    params[key] = math.tointeger(value)
  end
  local figures = require("moonvat.host.bench.workload")[workload](params, db)
  for key, value in pairs(figures) do
    io.stdout:write(("%s=%.6f\n"):format(key, value))
  end
  return 0
end

local function remove(db)
  for _, suffix in ipairs { "", "-wal", "-shm", "-lock", ".bare", ".bare-wal", ".bare-shm" } do
    os.remove(db .. suffix)
  end
end

local function copy_file(from, to)
  local source <close> = assert(io.open(from, "rb"))
  local target <close> = assert(io.open(to, "wb"))
  for block in source:lines(1 << 20) do
    assert(target:write(block))
  end
end

--- Median, smallest and largest of a list, which it sorts.
local function summary(list)
  table.sort(list)
  local middle = #list // 2
  local median = list[middle + 1]
  if #list % 2 == 0 then
    median = (list[middle] + list[middle + 1]) / 2
  end
  return median, list[1], list[#list]
end

--- All runs of a case: figure's name to the list of its values, or nil when a run failed.
local function measure(case, runs, folder)
  local built = folder .. "/built.db"
  local db = folder .. "/run.db"
  if case.workload == "w5" and not run_alone("w5_build", case.params, built) then
    return nil
  end
  local lists = {}
  for _ = 1, runs do
    if case.workload == "w5" then
      copy_file(built, db)
    end
    local figures = run_alone(case.workload, case.params, db)
    remove(db)
    if not figures then
      return nil
    end
    for key, value in pairs(figures) do
      lists[key] = lists[key] or {}
      table.insert(lists[key], value)
    end
  end
  remove(built)
  return lists
end

local function number(value)
  if value >= 100 then
    return ("%.0f"):format(value)
  elseif value >= 10 then
    return ("%.1f"):format(value)
  end
  return ("%.2f"):format(value)
end

local function print_header(workload)
  local line = ("%-26s %12s"):format("case", "commit_every")
  for _, column in ipairs(COLUMNS[workload]) do
    line = line .. (" %15s"):format(column[2])
  end
  print(TITLES[workload])
  print(line .. ("  %s"):format("spread"))
end

local function print_row(case, lists)
  local line = ("%-26s %12d"):format(case.name, case.params.commit)
  for _, column in ipairs(COLUMNS[case.workload]) do
    local list = lists[column[1]]
    line = line .. (" %15s"):format(list and number((summary(list))) or "-")
  end
  local first -- of the columns that this case has
  for _, column in ipairs(COLUMNS[case.workload]) do
    first = first or lists[column[1]]
  end
  local _, low, high = summary(first)
  print(line .. ("  %.2f"):format(high / low))
end

local function print_json(case, lists)
  local row = {
    workload = case.workload,
    case = case.name,
    commit_every = case.params.commit,
  }
  for name, list in pairs(lists) do
    local figures = { summary(list) }
    for i, suffix in ipairs { "", "_min", "_max" } do
      row[name .. suffix] = tonumber(("%.6g"):format(figures[i]))
    end
    row.runs = #list
  end
  print(json.encode(row))
end

local function run_all(options, folder)
  local failed = false
  for _, workload in ipairs(options.workloads) do
    if not options.json then
      print_header(workload)
    end
    for _, case in ipairs(cases_of(workload, options.quick and 10 or 1, options.quick)) do
      io.stderr:write(("%s, %s, commit_every %d: %d run%s\n"):format(workload, case.name,
        case.params.commit, options.runs, options.runs == 1 and "" or "s"))
      local lists = measure(case, options.runs, folder)
      if not lists then
        io.stderr:write(("%s, %s: failed\n"):format(workload, case.name))
        failed = true
      elseif options.json then
        print_json(case, lists)
      else
        print_row(case, lists)
      end
      io.stdout:flush()
    end
    if not options.json then
      print()
    end
  end
  return not failed
end

--- The options, or nil and what is wrong.
local function parse(args)
  local options = { workloads = WORKLOADS, dir = os.getenv("TMPDIR") or "/tmp" }
  local i = 1
  while i <= #args do
    local word = args[i]
    if word == "--json" or word == "--quick" then
      options[word:sub(3)] = true
    elseif word == "--runs" then
      i = i + 1
      options.runs = math.tointeger(tonumber(args[i] or ""))
      if not options.runs or options.runs < 1 then
        return nil, "--runs needs a number from 1 on"
      end
    elseif word == "--dir" then
      i = i + 1
      options.dir = args[i]
      if not options.dir then
        return nil, "--dir needs a folder"
      end
    else
      local workload = ALIASES[word:lower()] or word:lower()
      if not TITLES[workload] then
        return nil, ("there is no workload %s, there are w1, w2, w3, w4, w5, w6, w7"):format(word)
      end
      options.workloads = { workload }
    end
    i = i + 1
  end
  options.runs = options.runs or (options.quick and 1 or 5)
  return options
end

--- The command. Returns the exit status.
---@param args string[] the words after `bench`
---@return integer
function M.main(args)
  if args[1] == "--one" then
    return one(args)
  elseif args[1] == "--help" or args[1] == "-h" then
    io.stdout:write(USAGE)
    return 0
  end
  local options, problem = parse(args)
  if not options then
    io.stderr:write("moonvat bench: ", problem, "\n", USAGE)
    return 2
  end
  local folder, made = capture("mktemp -d " .. quote(options.dir .. "/moonvat-bench-XXXXXX"))
  if not made then
    return 1
  end
  folder = folder:gsub("\n$", "")
  local ok = run_all(options, folder)
  os.remove(folder)
  return ok and 0 or 1
end

return M
