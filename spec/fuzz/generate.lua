--- What the fuzz targets in Lua share: choices from a seed, wrong texts, the loop.
--
-- A target calls M.main(name, try): try(g) makes one input of the generator's choices, gives it to
-- what is tested, and raises what is wrong with the answer. Each input has a seed of its own, so
-- SEED=n, as a finding says, tries that input first. FUZZ_TIME=seconds says how long (20).

local M = {}

local SLOW <const> = 5 -- seconds of CPU time that one input may take

local Generator = {}
Generator.__index = Generator

function M.generator(seed)
  local self = setmetatable({ state = seed * 0x9E3779B97F4A7C15 + 1 }, Generator)
  self:roll(2)
  return self
end

--- A whole number from 1 to n.
function Generator:roll(n)
  local state = self.state
  state = state ~ state << 13
  state = state ~ state >> 7
  state = state ~ state << 17
  self.state = state
  return (state >> 11) % n + 1
end

function Generator:chance(one_in)
  return self:roll(one_in) == 1
end

function Generator:pick(list)
  return list[self:roll(#list)]
end

function Generator:bytes(most)
  local list = {}
  for i = 1, self:roll(most + 1) - 1 do
    list[i] = string.char(self:roll(256) - 1)
  end
  return table.concat(list)
end

local PIECES <const> = { "{", "}", "[", "]", "(", ")", "=", ",", ";", '"', "'", "\\", "[[", "]]",
  "[==[", "]==]", "--", "--[[", "@ko1", "@", "-", ".", "..", "...", "/", "0x", "1e", "1e999", "9", "_",
  "\n", "\r", "\0", "\27[2J", "\xff", "\u{202e}", "\\u{", "\\x", "\\z", "\\999", "nil", "true",
  "math.huge", "end", "return", "function", "require", 'require "a"', "require(", "goto", "::x::" }

--- The text with some of it changed, gone, there twice, or a thousand times.
function Generator:mutate(text)
  for _ = 1, self:roll(4) do
    local at = self:roll(#text + 1)
    local to = math.min(#text, at + self:roll(12) - 1)
    local what, middle = self:roll(8), text:sub(at, to)
    if what == 1 then
      middle = ""
    elseif what == 2 then
      middle = middle .. middle
    elseif what == 3 then
      middle = self:bytes(4)
    elseif what == 4 and self:chance(8) then
      middle = (middle .. self:pick(PIECES)):rep(self:roll(3000))
    elseif what == 5 and middle ~= "" then
      middle = string.char(middle:byte() ~ 1 << self:roll(8) - 1) .. middle:sub(2)
    else
      middle = self:pick(PIECES) .. middle
    end
    text = text:sub(1, at - 1) .. middle .. text:sub(to + 1)
  end
  return text
end

--- Raises when an answer's error is not a text that helps.
function M.check_message(message, what)
  if type(message) ~= "string" then
    error(("%s: the error is a %s"):format(what, type(message)), 0)
  elseif message == "" or message:find "attempt to" or message:find "stack traceback"
    or message:find "stack overflow" or message:find "bad argument" or message:find "lua/moonvat/" then
    error(("%s: the error is no advice: %s"):format(what, message), 0)
  end
end

function M.main(name, try)
  local seconds = tonumber(os.getenv "FUZZ_TIME") or 20
  local seed = math.tointeger(tonumber(os.getenv "SEED")) or os.time() % 100000 * 100000
  local start, count = os.time(), 0
  repeat
    local g = M.generator(seed)
    local before = os.clock()
    local ok, message = xpcall(try, function(e)
      return type(e) == "string" and e:find "^[%w ]+: " and e or debug.traceback(tostring(e))
    end, g)
    if ok and os.clock() - before > SLOW then
      ok, message = false, ("it took %.1f seconds"):format(os.clock() - before)
    end
    count = count + 1
    if not ok then
      print(("SEED=%d lua5.4 spec/fuzz/%s.lua\n%s"):format(seed, name, message))
      if g.input then
        print("The input: " .. ("%q"):format(g.input):sub(1, 4000))
      end
      os.exit(1)
    end
    seed = seed + 1
  until os.time() - start >= seconds
  print(count .. " inputs")
end

return M
