--- `moonvat bench`: the workloads W1 to W10, measured.
--
-- Each run is a process of its own on a database file of its own, this program started again with
-- --one; what is shown is the median of the runs. bench/README.md defines the workloads.

local json = require "moonvat.program.json"
local literal = require "moonvat.literal"
local nearest = require "moonvat.nearest"

local M = {}

local COMMITS <const> = { 1, 100, 1000 }

local TITLES <const> = {
  w1 = "W1 ping-pong: calls, each awaited",
  w2 = "W2 one-way: sends whose results nobody looks at",
  w3 = "W3 vatstore: 10 gets and 10 sets of 100 bytes a delivery",
  w4 = "W4 vats: their creation, and what they take",
  w5 = "W5 restart: from opening to an answer",
  w6 = "W6 churn: objects passed, dropped and collected",
  w7 = "W7 lives: vats made from a stored bundle, all upgraded; durable instances, many rows",
  w8 = "W8 rollback: what a way back costs a delivery, and going back",
  w9 = "W9 limits: what the limits cost an operation",
  w10 = "W10 images: of heaps, saved and loaded",
}
local ALIASES <const> = {
  ["ping-pong"] = "w1",
  ["one-way"] = "w2",
  vatstore = "w3",
  vats = "w4",
  restart = "w5",
  churn = "w6",
  lives = "w7",
  rollback = "w8",
  limits = "w9",
  images = "w10",
}
local WORKLOADS <const> = { "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10" }

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
  w8 = {
    { "delivery_us", "delivery us" },
    { "least_us", "minimal us" },
    { "keep_us", "keeping us" },
    { "abort_us", "abort us" },
    { "least_abort_us", "abort, minimal" },
  },
  w9 = {
    { "off_ns", "off ns" },
    { "time_ns", "time limit ns" },
    { "time_percent", "time limit %" },
    { "budget_ns", "budget ns" },
    { "budget_percent", "budget %" },
  },
  w10 = { { "image_KiB", "image KiB" }, { "save_ms", "save ms" }, { "load_ms", "load ms" } },
}

local USAGE <const> = [[
usage: moonvat bench [WORKLOAD] [--json] [--runs N] [--quick] [--dir DIR]

  WORKLOAD    w1 ping-pong, w2 one-way, w3 vatstore, w4 vats, w5 restart,
              w6 churn, w7 lives, w8 rollback, w9 limits, w10 images; all when none
              is given
  --json      one object a line
  --runs N    runs of each case, of which the median is shown: 5
  --quick     one run of each case, a tenth of the work, no large cases
  --dir DIR   where the databases are made and removed again: $TMPDIR or /tmp
]]

---@class BenchCase
---@field workload string
---@field name string
---@field params table<string, integer>

local SIZES <const> = { ["minimal"] = 0, ["100 KiB"] = 100, ["1 MiB"] = 1024, ["16 MiB"] = 16384,
  ["64 MiB"] = 65536 }

-- What each workload's cases are. add(name, commit, params) is one case; each_commit is three, with
-- `small` repetitions where each delivery is committed, else `large`.
local CASES <const> = {}

function CASES.w1(_, each_commit)
  each_commit("calls", 2000, 50000)
end

function CASES.w2(_, each_commit)
  each_commit("send_only", 2000, 20000)
  each_commit("E, ignored", 2000, 20000, { ignore = 1 })
end

function CASES.w3(_, each_commit, quick)
  each_commit("1,000 keys", 1000, 5000, { keys = 1000 })
  if not quick then
    each_commit("100,000 keys", 1000, 5000, { keys = 100000 })
  end
  each_commit("baggage, 1,000 keys", 1000, 5000, { keys = 1000, baggage = 1 })
end

function CASES.w4(add, each_commit, quick)
  for _, vats in ipairs(quick and { 10, 100 } or { 10, 100, 1000 }) do
    each_commit(vats .. ", one by one", 0, 0, { vats = vats })
    add(vats .. ", one config", 1, { vats = vats, together = 1 })
  end
end

function CASES.w5(add, each_commit, quick, scale)
  local function name(vats, deliveries)
    return ("%d vats, %d deliveries"):format(vats, deliveries)
  end
  for _, vats in ipairs(quick and { 10 } or { 10, 100 }) do
    for _, deliveries in ipairs { 100 // scale, 1000 // scale } do
      each_commit(name(vats, deliveries), 0, 0,
        { vats = vats, deliveries = deliveries, rounds = 1, build = 1 })
    end
  end
  local vats, deliveries = quick and 10 or 100, quick and 2000 or 100000
  add(name(vats, deliveries), 1000,
    { vats = vats, deliveries = deliveries, rounds = 10, build = 1, again = 1 })
  if not quick then
    add("1000 vats, 1 delivery", 1000, { vats = 1000, deliveries = 1, rounds = 1, build = 1 })
    add("100,000 vats, 1 delivery", 1000,
      { vats = 100000, deliveries = 1, asked = 1000, many = 1, build = 1, again = 1 })
  end
end

function CASES.w6(add, _, _, scale)
  for _, commit in ipairs(COMMITS) do
    local rounds = commit == 1 and 1 or 20 // scale
    add("500 objects", commit, { objects = 500, rounds = rounds })
  end
  add("5,000 objects", 1000, { objects = 5000, rounds = 2 })
end

function CASES.w7(add, _, quick, scale)
  local vats = 1000 // scale
  add(vats .. " vats", 100, { vats = vats })
  for _, instances in ipairs { 10, 1000000 // scale // (quick and 10 or 1) } do
    add(instances .. " instances", 100, { instances = instances })
  end
  local rows = 200000 // scale // (quick and 10 or 1)
  for paged, name in ipairs { "paged", "bulk" } do
    add(("%d rows, %s"):format(rows, name), 100, { rows = rows, paged = paged % 2, build = 1 })
  end
end

function CASES.w8(add, _, quick, scale)
  for _, name in ipairs(quick and { "minimal", "100 KiB", "1 MiB" }
    or { "minimal", "100 KiB", "1 MiB", "16 MiB", "64 MiB" }) do
    add(name, 1000, { KiB = SIZES[name], rounds = 20 // scale })
  end
end

function CASES.w9(add, _, _, scale)
  for operation, name in ipairs { "calls", "loops", "table access" } do
    add(name, 1000, { operation = operation, n = 2000000 // scale, rounds = 20 // scale })
  end
end

function CASES.w10(add, _, quick)
  for _, name in ipairs(quick and { "minimal", "100 KiB", "1 MiB" }
    or { "minimal", "1 MiB", "16 MiB" }) do
    add(name, 1000, { KiB = SIZES[name], calls = 100 })
  end
end

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
  CASES[workload](add, each_commit, quick, scale)
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
    local chunk = 'os.exit(require("moonvat.program.bench").main(arg), true)'
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
  local figures = require("moonvat.program.bench.workload")[workload](params, db)
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

--- One run of a case, on a copy of what was built for it; `again` says that copying it would take
--- too long: then it is the same database each time. Returns its figures, or nil.
local function run_case(case, built, db, opened)
  local params = case.params
  if not params.build then
    return run_alone(case.workload, params, db)
  end
  params.opened = params.again and opened or 0
  if params.again then
    return run_alone(case.workload, params, built)
  end
  copy_file(built, db)
  return run_alone(case.workload, params, db)
end

--- All runs of a case: figure's name to the list of its values, or nil when a run failed.
local function measure(case, runs, folder)
  local built = folder .. "/built.db"
  local db = folder .. "/run.db"
  local lists = {}
  local good = not case.params.build or run_alone(case.workload .. "_build", case.params, built)
  for run = 1, good and runs or 0 do
    local figures = run_case(case, built, db, run - 1)
    remove(db)
    good = good and figures
    for key, value in pairs(figures or {}) do
      lists[key] = lists[key] or {}
      table.insert(lists[key], value)
    end
  end
  remove(built)
  return good and lists
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

-- One workload, or nil and what is wrong with the word.
local function find_workload(word)
  local workload = ALIASES[word:lower()] or word:lower()
  if TITLES[workload] then
    return workload
  elseif word:find "^%-%-?%a" then
    return nil, ("there is no option %s%s"):format(literal.plain(word),
      nearest.hint(word, { "--json", "--runs", "--quick", "--dir" }))
  end
  return nil, ("there is no workload %s, there are %s"):format(literal.shown(word),
    table.concat(WORKLOADS, ", "))
end

--- The options, or nil and what is wrong.
local function parse(args)
  local options = { dir = os.getenv("TMPDIR") or "/tmp" }
  local i = 1
  while i <= #args do
    local word = args[i]
    if word == "--json" or word == "--quick" then
      options[word:sub(3)] = true
    elseif word == "--runs" then
      i = i + 1
      options.runs = math.tointeger(tonumber(args[i] or ""))
      if not options.runs or options.runs < 1 then
        return nil, "--runs needs a whole number from 1"
      end
    elseif word == "--dir" then
      i = i + 1
      options.dir = args[i]
      if not options.dir then
        return nil, "--dir needs a folder"
      end
    else
      local workload, problem = find_workload(word)
      if not workload then
        return nil, problem
      elseif options.workloads then
        return nil, ("one workload at a time, or all: %s is too many"):format(literal.plain(word))
      end
      options.workloads = { workload }
    end
    i = i + 1
  end
  options.workloads = options.workloads or WORKLOADS
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
  local folder, made = capture("mktemp -d "
    .. quote(options.dir .. "/moonvat-bench-XXXXXX") .. " 2>/dev/null")
  if not made then
    io.stderr:write("moonvat bench: cannot make a folder in ", literal.shown(options.dir),
      ": --dir names one that is there and can be written to\n")
    return 1
  end
  folder = folder:gsub("\n$", "")
  local ok = run_all(options, folder)
  os.remove(folder)
  return ok and 0 or 1
end

--- The command bench.
function M.bench(_, arguments)
  return M.main(arguments)
end

return M
