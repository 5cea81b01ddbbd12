--- Runs the fuzz targets, two at a time, and says how it went: run.lua BUILD [NAME]
--
-- FUZZ_TIME=seconds is how long each runs (20). What a target learns stays in BUILD/corpus, so that
-- the next run begins there; an input that shows a fault goes to BUILD/found. One line for each
-- target, with what it printed when it found something; exit status 1 then.

local generate = require "spec.fuzz.generate"

local BUILD <const> = arg[1]
local SECONDS <const> = tonumber(os.getenv "FUZZ_TIME") or 20
local SEEDS <const> = 60
local NO_TARGET <const> = { generate = true, run = true }

-- The longest input, and what a target needs beside. Games are short: many begin differently, and a
-- long one only goes on. What was freed is kept from use as long as several games take, not for
-- hundreds, in memory that is always new; where it was taken is told when the finding is run again. A
-- damaged database makes the kernel stop where it stands, and what it held then is not looked for.
local LENGTHS <const> = { rows = 200, references = 60, capdata = 1500, outcomes = 300 }
local ENVIRONMENT <const> = {
  rows = "ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8:malloc_context_size=0",
  outcomes = "ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=0",
}

-- A third of a game's time was libFuzzer's: what it reckons of rare features, and (where what is held
-- is not looked for) each game that frees less than it takes played twice.
local FLAGS <const> = { rows = "-entropic=0 -detect_leaks=0", outcomes = "-entropic=0" }

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  return lines
end

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a" or ""
end

local function targets()
  local list = {}
  for _, path in ipairs(lines_of "ls spec/fuzz/*.c spec/fuzz/*.lua") do
    local name, kind = path:match "([%w_]+)%.(%w+)$"
    if not NO_TARGET[name] and (not arg[2] or arg[2] == name) then
      list[#list + 1] = { name = name, path = path, kind = kind }
    end
  end
  return list
end

--- Random bytes of many lengths: short ones alone would take long to become a game.
local function make_seeds(name)
  local folder, most = BUILD .. "/seeds/" .. name, LENGTHS[name] or 2000
  os.execute("mkdir -p " .. quote(folder))
  for seed = 1, SEEDS do
    local file <close> = assert(io.open(folder .. "/" .. seed, "wb"))
    file:write(generate.generator(seed):bytes(most * seed // SEEDS))
  end
  return folder
end

local function command_of(target)
  local name = target.name
  if target.kind == "lua" then
    return ("FUZZ_FOLDER=%s FUZZ_TIME=%d nice lua5.4 %s"):format(quote(BUILD), SECONDS, target.path)
  end
  local corpus = BUILD .. "/corpus/" .. name
  os.execute("mkdir -p " .. quote(corpus))
  return ("TMPDIR=%s %s nice %s/%s -max_total_time=%d -max_len=%d -len_control=0 -timeout=30 "
    .. "-rss_limit_mb=4096 -print_final_stats=1 %s -artifact_prefix=%s/found/%s- %s %s"):format(quote(BUILD),
    ENVIRONMENT[name] or "", quote(BUILD), name, SECONDS, LENGTHS[name] or 2000, FLAGS[name] or "", BUILD,
    name, quote(corpus), quote(make_seeds(name)))
end

--- How many inputs a target ran, as its output says.
local function count_in(output)
  return output:match "number_of_executed_units: *(%d+)" or output:match "(%d+) inputs\n$" or "?"
end

--- What was wrong, without libFuzzer's telling of what it learnt.
local function finding_in(output)
  local list = {}
  for line in output:gmatch "[^\n]+" do
    if not line:find "^#%d+%s+%u+" and not line:find "NEW_FUNC" and not line:find "^INFO:" and #list < 60 then
      list[#list + 1] = "  " .. line:gsub("[^\t\32-\126]", "?"):sub(1, 400)
    end
  end
  return table.concat(list, "\n")
end

local function run_all(list, done)
  os.execute(("mkdir -p %s/found %s/log"):format(quote(BUILD), quote(BUILD)))
  local jobs <close> = assert(io.open(BUILD .. "/log/jobs", "wb"))
  for i, target in ipairs(list) do
    jobs:write(("%s >%s/log/%s 2>&1 </dev/null; echo %d $?"):format(command_of(target), quote(BUILD), target.name, i),
      "\0")
  end
  jobs:close()
  local pipe <close> = assert(io.popen(("xargs -r -0 -n 1 -P 2 sh -c <%s/log/jobs"):format(quote(BUILD))))
  for line in pipe:lines() do
    local index, status = line:match "^(%d+) (%d+)$"
    done(list[tonumber(index)], tonumber(status))
  end
end

local function main()
  local list, clean, ended = targets(), 0, 0
  if #list == 0 then
    print(("There is no fuzz target %s; the targets are the files of spec/fuzz."):format(arg[2] or ""))
    return false
  end
  run_all(list, function(target, status)
    local output = read(BUILD .. "/log/" .. target.name)
    ended = ended + 1
    clean = clean + (status == 0 and 1 or 0)
    print(("%s  %-10s  %8s inputs, %s"):format(status == 0 and "ok" or "--", target.name, count_in(output),
      status == 0 and "nothing found" or "found something:"))
    if status ~= 0 then
      print(finding_in(output))
      print("  " .. (output:match "Test unit written to (%S+)" or BUILD .. "/log/" .. target.name))
    end
    io.stdout:flush()
  end)
  print(("%d targets, %d with findings"):format(#list, #list - clean))
  return ended == #list and clean == #list
end

os.exit(main())
