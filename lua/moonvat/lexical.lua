--- The words of Lua source as LPeg patterns, for the readers of literals, sources and prompts.
--
-- The patterns match without captures, but for the *_value ones, which capture the string's bytes
-- and do not match where an escape is wrong.

local lpeg = require "lpeg"

local C, Cg, Cb, Cmt, Cs = lpeg.C, lpeg.Cg, lpeg.Cb, lpeg.Cmt, lpeg.Cs
local P, R, S = lpeg.P, lpeg.R, lpeg.S

local M = {}

local any = P(1)
local digit = R "09"
local hex = R("09", "af", "AF")
local letter = R("az", "AZ") + "_"
local newline = P "\r\n" + "\n\r" + S "\r\n"

-- [==[ ... ]==]: the closing bracket has as many = as the opening one.
local open = "[" * Cg(P "=" ^ 0, "level") * "["
local close = "]" * C(P "=" ^ 0) * "]"
local same = Cmt(close * Cb "level", function(_, _, here, level)
  return here == level
end)
local content = Cs((newline / "\n" + (any - same)) ^ 0)
M.long_value = open * newline ^ -1 * content * same / 1
M.long_string = M.long_value / 0

local escapes <const> = {
  a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v",
  ["\\"] = "\\", ['"'] = '"', ["'"] = "'",
}

local function decimal(text)
  local code = tonumber(text)
  return code <= 255 and string.char(code) or nil
end

local function code_point(text)
  local code = #text <= 16 and tonumber(text, 16)
  return code and code <= 0x7FFFFFFF and utf8.char(code) or nil
end

-- An escape that Lua refuses does not match, so the string does not either.
local function checked(pattern, convert)
  return Cmt(pattern, function(_, _, text)
    local value = convert(text)
    return value ~= nil, value
  end)
end

local escape = P "\\" / "" * (
  S "abfnrtv\\\"'" / escapes
  + newline / "\n"
  + P "x" / "" * (hex * hex / function(text) return string.char(tonumber(text, 16)) end)
  + P "z" / "" * (S " \t\v\f\r\n" ^ 0 / "")
  + P "u{" / "" * checked(C(hex ^ 1), code_point) * (P "}" / "")
  + checked(C(digit * digit ^ -2), decimal))

local function quoted(quote)
  return P(quote) * Cs((escape + (any - S("\\\r\n" .. quote))) ^ 0) * quote
end

M.short_value = quoted '"' + quoted "'"

-- For readers that only pass over strings: any escape will do, the loader complains later.
local function skipped(quote)
  return P(quote) * (P "\\" * any + (any - S("\\" .. quote))) ^ 0 * quote
end

M.short_string = skipped '"' + skipped "'"
M.string_value = M.short_value + M.long_value
M.string = M.short_string + M.long_string

M.comment = "--" * (M.long_string + -("[" * P "=" ^ 0 * "[") * (any - S "\r\n") ^ 0)
M.space = (S " \t\v\f\r\n" + M.comment) ^ 0
M.name = letter * (letter + digit) ^ 0 * -(letter + digit)

local exponent = S "eE" * S "+-" ^ -1 * digit ^ 1
local power = S "pP" * S "+-" ^ -1 * digit ^ 1
M.number = (P "0" * S "xX" * (hex ^ 1 * ("." * hex ^ 0) ^ -1 + "." * hex ^ 1) * power ^ -1
  + (digit ^ 1 * ("." * digit ^ 0) ^ -1 + "." * digit ^ 1) * exponent ^ -1)
  * -(letter + digit + ".")

-- One character of well-formed UTF-8, past ASCII.
local tail = R "\128\191"
M.character = R "\194\223" * tail
  + P "\224" * R "\160\191" * tail + R("\225\236", "\238\239") * tail * tail
  + P "\237" * R "\128\159" * tail
  + P "\240" * R "\144\191" * tail * tail + R "\241\243" * tail * tail * tail
  + P "\244" * R "\128\143" * tail * tail

-- Characters that move, hide or reorder what a terminal shows: C1 controls, direction marks,
-- invisible separators, tags.
M.sly = P "\194" * R "\128\159"
  + P "\226\128" * S "\139\142\143\168\169\170\171\172\173\174"
  + P "\226\129" * R "\160\175"
  + P "\239\187\191" + P "\239\191" * R "\185\187"
  + P "\243\160" * R "\128\129" * tail

--- What cannot be a field's bare name.
M.keyword = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do
  M.keyword[word] = true
end

--- The line that a position is in, and its number.
---@param text string
---@param position integer
---@return integer number
---@return string line
function M.line_at(text, position)
  local number, first = 1, 1
  for at in text:gmatch "()\n" do
    if at >= position then
      break
    end
    number, first = number + 1, at + 1
  end
  return number, (text:match("^[^\r\n]*", first))
end

return M
