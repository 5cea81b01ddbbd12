--- How fast the code under test runs here: specs that count seconds or rounds ask this file.
--
-- make asan and make valgrind set MOONVAT_SLOW to how many times slower their runs are. Limits
-- that must not be reached grow with it. Where it is more than a few times, what only repeats one
-- kind of case is done less often.

local M = {}

M.slow = tonumber(os.getenv "MOONVAT_SLOW") or 1

local FEWER <const> = M.slow > 10 and 5 or 1

--- Seconds for what takes this many seconds in a plain build.
function M.seconds(seconds)
  return seconds * M.slow
end

--- How often to do what is done `count` times in a plain build.
function M.rounds(count)
  return math.max(count // FEWER, 1)
end

--- One in how many points to take, where a plain build takes one in `stride`.
function M.stride(stride)
  return FEWER > 1 and stride * FEWER | 1 or stride
end

return M
