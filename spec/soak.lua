--- Runs the property tests of garbage collection with ever new seeds: lua5.4 spec/soak.lua
--
-- TIME=seconds says how long (300), SEED=n where to begin. Each line says what was run and how it
-- went; a failure is printed with its seed, as the spec does, and ends the run with status 1.

local TIME <const> = tonumber(os.getenv "TIME") or 300
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1

-- How many rounds make a portion of some ten seconds.
local PORTIONS <const> = {
  { path = "spec/conformance/random_spec.lua", rounds = 100 },
  { path = "spec/conformance/object_cycles_spec.lua", rounds = 2000 },
}

local start = os.time()
local seeds, rounds = {}, {}
for i in ipairs(PORTIONS) do
  seeds[i], rounds[i] = SEED, 0
end

--- Runs one portion: whether it passed, and what it printed.
local function run(portion, seed)
  local lua = arg[-1] or "lua5.4"
  local pipe <close> = assert(io.popen(("SEED=%d ROUNDS=%d '%s' spec/support/run.lua %s 2>&1"):format(
    seed, portion.rounds, lua, portion.path)))
  local output = pipe:read "a"
  return output:find "\n%d+ passed, 0 failed\n$" ~= nil, output
end

local function report(portion, seed, good)
  print(("%5d s  %-4s  %s, seeds %d to %d"):format(os.time() - start, good and "ok" or "--",
    portion.path, seed, seed + portion.rounds - 1))
  io.stdout:flush()
end

repeat
  for i, portion in ipairs(PORTIONS) do
    local good, output = run(portion, seeds[i])
    report(portion, seeds[i], good)
    if not good then
      print(output)
      os.exit(1)
    end
    seeds[i] = seeds[i] + portion.rounds
    rounds[i] = rounds[i] + portion.rounds
  end
until os.time() - start >= TIME
for i, portion in ipairs(PORTIONS) do
  print(("%s: %d rounds passed"):format(portion.path, rounds[i]))
end
