--- Runs spec files and says how it went: run.lua [FILE or FOLDER ...]
--
-- Each file runs in a process of its own, with a temporary folder of its own that must be empty
-- again at the end; two files run at a time (JOBS=n for another number). A failure is printed
-- when its file is done. The last line is "N passed, N failed", and the exit status is 0 only when
-- something ran and all of it passed. Errors, pending tests and files without a test are failures.
--
-- UNDER is a command to start each file's process under, with its options: valgrind, say. A status
-- of 99 is how it says that it found something; what it found is in the output.
--
-- With --file FILE REPORT it is the child: it runs one file and writes its report.

local pace = require "spec.support.pace"

local SECONDS <const> = math.tointeger(math.min(pace.seconds(600), 3600)) -- for one file; more is a hang
local UNDER <const> = os.getenv "UNDER" or ""
local FOUND <const> = 99

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

local function content(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a" or ""
end

local function as_text(message)
  if type(message) == "table" then
    message = message.message or message.name or require "pl.pretty".write(message)
  end
  return tostring(message)
end

--- What to print of one failed test: its name, where it stands, what was wrong.
local function describe_failure(failure, kind)
  local trace = failure.trace or {}
  local place = (trace.short_src or "?") .. ":" .. (trace.currentline or "?")
  local text = { ("%s  %s\n  at %s"):format(kind, failure.name or "?", place) }
  for line in (as_text(failure.message or "no reason given") .. "\n"):gmatch "(.-)\n" do
    if not line:find "^\tno f" then -- where require has looked
      text[#text + 1] = "  " .. line
    end
  end
  if failure.isError and trace.traceback then
    for line in trace.traceback:gmatch "[^\n]+" do
      if line:find "_spec%.lua:" or line:find "helpers%.lua:" then
        text[#text + 1] = "  from " .. line:gsub("^%s+", "")
      end
    end
  end
  return table.concat(text, "\n") .. "\n"
end

--- Runs one file with busted; the report's first line is "passed failed", then the failures.
local function run_file(path, report_path)
  local busted = require "busted.core"()
  require "busted"(busted)
  local handler = require "busted.outputHandlers.base"()
  handler:subscribe { language = "en", verbose = true }
  local load_files = require "busted.modules.test_file_loader"(busted, { "lua" })
  load_files({ path }, { "" }, { excludes = {}, verbose = true, recursive = false })
  require "busted.execute"(busted)(1, { seed = 1 })

  local failed, report = 0, {}
  for kind, list in pairs {
    FAILED = handler.failures, ERROR = handler.errors, PENDING = handler.pendings,
  } do
    for _, failure in ipairs(list) do
      failed = failed + 1
      report[#report + 1] = describe_failure(failure, kind)
    end
  end
  if handler.successesCount + failed == 0 then
    failed = 1
    report[1] = "FAILED  " .. path .. " has no test\n"
  end
  table.sort(report)
  local file <close> = assert(io.open(report_path, "wb"))
  file:write(("%d %d\n%s"):format(handler.successesCount, failed, table.concat(report, "\n")))
end

--- A file is taken whatever its name, a folder gives its *_spec.lua files.
local function spec_files(paths)
  local files = {}
  for _, path in ipairs(paths) do
    local found = lines_of("find " .. quote(path)
      .. " -type f '(' -name '*_spec.lua' -o -path " .. quote(path) .. " ')' | LC_ALL=C sort")
    table.move(found, 1, #found, #files + 1, files)
  end
  return files
end

--- Starts the files, and calls done(index, exit status) for each that has ended.
local function run_all(files, folder, done)
  local list <close> = assert(io.open(folder .. "/list", "wb"))
  for i, path in ipairs(files) do
    assert(os.execute("mkdir " .. quote(folder .. "/tmp" .. i)))
    list:write(path, "\0", tostring(i), "\0")
  end
  list:close()
  local lua = arg[-1] or "lua5.4"
  local one = ("TMPDIR=%s/tmp$2 timeout -k 5 %d %s %s %s --file \"$1\" %s/report$2 "
    .. ">%s/out$2 2>&1 </dev/null; echo $2 $?"):format(
    quote(folder), SECONDS, UNDER, quote(lua), quote(arg[0]), quote(folder), quote(folder))
  local pipe <close> = assert(io.popen(("xargs -r -0 -n 2 -P %d sh -c %s run <%s"):format(
    tonumber(os.getenv "JOBS") or 2, quote(one), quote(folder .. "/list"))))
  for line in pipe:lines() do
    local index, status = line:match "^(%d+) (%d+)$"
    done(math.tointeger(tonumber(index)), math.tointeger(tonumber(status)))
  end
end

--- The numbers of one file that has ended, and the text to print.
local function judge(path, folder, index, status)
  local report = content(folder .. "/report" .. index)
  local passed, failed, text = report:match "^(%d+) (%d+)\n(.*)$"
  passed, failed = tonumber(passed or 0), tonumber(failed or 0)
  text = { text ~= "" and text or nil }
  if status ~= 0 or report == "" then
    failed = failed + 1
    text[#text + 1] = ("FAILED  %s ended with status %d%s\n"):format(path, status,
      status == 124 and (": it ran longer than %d seconds"):format(SECONDS)
      or status == FOUND and UNDER ~= "" and ": bad accesses or leaks, shown below" or "")
  end
  local left = lines_of("ls -A " .. quote(folder .. "/tmp" .. index))
  if #left > 0 then
    failed = failed + 1
    text[#text + 1] = ("FAILED  %s left behind: %s\n"):format(path, table.concat(left, " "))
  end
  if failed > 0 then
    local output = content(folder .. "/out" .. index)
    if output ~= "" then
      text[#text + 1] = "Output of " .. path .. ":\n" .. output
    end
  end
  return passed, failed, table.concat(text, "\n")
end

local function main(paths)
  local files = spec_files(paths)
  local folder = lines_of("mktemp -d")[1]
  local passed, failed = 0, 0
  local seen = {}
  local function done(index, status)
    seen[index] = true
    local file_passed, file_failed, text = judge(files[index], folder, index, status)
    passed, failed = passed + file_passed, failed + file_failed
    print(("%s  %s  %d passed, %d failed"):format(
      file_failed == 0 and "ok" or "--", files[index], file_passed, file_failed))
    if text ~= "" then
      print(text)
    end
    io.stdout:flush()
  end
  run_all(files, folder, done)
  for index, path in ipairs(files) do
    if not seen[index] then
      failed = failed + 1
      print("FAILED  " .. path .. " did not run")
    end
  end
  os.execute("rm -rf " .. quote(folder))
  if #files == 0 then
    print("No spec file in: " .. table.concat(paths, " "))
  end
  print(("%d passed, %d failed"):format(passed, failed))
  return failed == 0 and passed > 0
end

if arg[1] == "--file" then
  run_file(arg[2], arg[3])
else
  os.exit(main(#arg > 0 and arg or { "spec", "examples" }))
end
