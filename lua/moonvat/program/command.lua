--- The prompt's own commands: reads a line such as `:clist v1` or `:run 10`.
--
-- A word is a run of characters without blanks, or a Lua string. A reference may be typed with
-- the @ that listings of values put before it. In Lua code, `@ko20` is the reference itself.

local lexical = require "moonvat.lexical"
local lpeg = require "lpeg"
local ref = require "moonvat.ref"

local C, Cs, Ct, P, S = lpeg.C, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.S

local M = {}

local blank = S " \t\r\n" ^ 0
local bare = C((P(1) - S " \t\r\n") ^ 1)
local reference = "@" * ref.kref_pattern
local word = (reference + lexical.short_value) * #(S " \t\r\n" + -P(1)) + bare
local line = blank * ":" * blank * Ct((word * blank) ^ 0) * -1

local code = Cs((lexical.comment + lexical.string + reference / '(k:ref "%1")' + lexical.name
  + P(1)) ^ 0)

--- The words of a command line; nil when it is none.
---@param text string
---@return string[]?
function M.parse(text)
  return line:match(text)
end

--- Lua code with each `@ko20` outside of strings and comments made an expression.
---@param text string
---@return string
function M.expand(text)
  return text:find("@", 1, true) and code:match(text) or text
end

return M
