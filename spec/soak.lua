--- Kills kernels, then plays random histories with ever new seeds: lua5.4 spec/soak.lua
--
-- KILLS=n says how many kills (1000), TIME=seconds how long to play (300), SEED=n where to begin.
-- Each line says what was run and how it went; a failure is printed with its seed, as the spec
-- does, and ends the run with status 1. A database that did not survive a kill is kept.

local driver = require "spec.support.crash.driver"

local KILLS <const> = math.tointeger(tonumber(os.getenv "KILLS")) or 1000
local TIME <const> = tonumber(os.getenv "TIME") or 300
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1

-- How many rounds make a portion of some ten seconds.
local PORTIONS <const> = {
  { path = "spec/conformance/random_spec.lua", rounds = 100 },
  { path = "spec/host/cycles/random_spec.lua", rounds = 2000 },
}

local function say(since, good, text)
  print(("%5d s  %-4s  %s"):format(os.time() - since, good and "ok" or "--", text))
  io.stdout:flush()
end

--- The kills: their summary.
local function kill(start)
  local ok, result = pcall(driver.run, { seed = SEED, kills = KILLS, keep = true,
    tell = function(text) say(start, true, text) end })
  if not ok then
    say(start, false, tostring(result))
    os.exit(1)
  end
  local moments = {}
  for moment, count in pairs(result.moments) do
    moments[#moments + 1] = ("%s %d"):format(moment, count)
  end
  table.sort(moments)
  return ("%d kills (at %s; %d of the program) of %d databases from seed %d on: all %d"
    .. " acknowledged operations are there, %d of others, %d never were; %d effects were asked for"
    .. " again"):format(result.kills, table.concat(moments, ", "), result.calls, result.databases,
    SEED, result.acknowledged, result.kept - result.acknowledged, result.lost, result.repeated)
end

--- Runs one portion: whether it passed, and what it printed.
local function run(portion, seed)
  local lua = arg[-1] or "lua5.4"
  local pipe <close> = assert(io.popen(("SEED=%d ROUNDS=%d '%s' spec/support/run.lua %s 2>&1"):format(
    seed, portion.rounds, lua, portion.path)))
  local output = pipe:read "a"
  return output:find "\n%d+ passed, 0 failed\n$" ~= nil, output
end

--- The random histories: their summary.
local function play(start)
  local seeds, rounds = {}, {}
  for i in ipairs(PORTIONS) do
    seeds[i], rounds[i] = SEED, 0
  end
  while os.time() - start < TIME do
    for i, portion in ipairs(PORTIONS) do
      local good, output = run(portion, seeds[i])
      say(start, good, ("%s, seeds %d to %d"):format(portion.path, seeds[i],
        seeds[i] + portion.rounds - 1))
      if not good then
        print(output)
        os.exit(1)
      end
      seeds[i] = seeds[i] + portion.rounds
      rounds[i] = rounds[i] + portion.rounds
    end
  end
  local lines = {}
  for i, portion in ipairs(PORTIONS) do
    lines[i] = ("%s: %d rounds passed"):format(portion.path, rounds[i])
  end
  return table.concat(lines, "\n")
end

local kills = KILLS > 0 and kill(os.time())
local histories = play(os.time())
if kills then
  print(kills)
end
print(histories)
