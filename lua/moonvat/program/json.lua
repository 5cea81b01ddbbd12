--- Values as JSON, for programs that read listings. Keys are sorted.
--
-- Integers and floats keep their spelling; NaN and infinities are null. A string that is not UTF-8
-- is {"hex": "..."}. A table with the keys 1..n, or none, is an array. A reference is its kref.

local lexical = require "moonvat.lexical"
local literal = require "moonvat.literal"
local lpeg = require "lpeg"

local Cs, P, R, S = lpeg.Cs, lpeg.P, lpeg.R, lpeg.S

local M = {}

--- Stands for null in what encode() is given.
M.null = setmetatable({}, { __name = "null" })

local short <const> = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(character)
  local code = utf8.codepoint(character)
  if code < 0x10000 then
    return string.format("\\u%04x", code)
  end
  code = code - 0x10000
  return string.format("\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
end

local body = Cs((R " ~" - S '"\\' + S '"\\\n\r\t' / short + lexical.sly / escape
  + lexical.character + P(1) / escape) ^ 0)

local function encode_string(text)
  if utf8.len(text) then
    return '"' .. body:match(text) .. '"'
  end
  return '{"hex":"' .. text:gsub(".", function(byte)
    return string.format("%02x", byte:byte())
  end) .. '"}'
end

local function encode_number(number)
  if math.type(number) == "integer" then
    return string.format("%d", number)
  elseif number ~= number or number == math.huge or number == -math.huge then
    return "null"
  end
  return (literal.print(number))
end

-- A key's name in an object. What is no text (1, "\xFF") is in brackets where a text is the same.
local function name_of(key, value)
  if type(key) == "string" and utf8.len(key) then
    return key
  end
  local name = type(key) == "string" and literal.plain(key) or tostring(key)
  while rawget(value, name) ~= nil do
    name = "[" .. name .. "]"
  end
  return name
end

local encode

local function encode_table(value)
  local parts = {}
  while rawget(value, #parts + 1) ~= nil do
    parts[#parts + 1] = encode(rawget(value, #parts + 1))
  end
  local rest = literal.sorted_keys(value, #parts)
  if #rest == 0 then
    return "[" .. table.concat(parts, ",") .. "]"
  end
  parts = {}
  for _, key in ipairs(literal.sorted_keys(value)) do
    parts[#parts + 1] = encode_string(name_of(key, value)) .. ":" .. encode(rawget(value, key))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  local kind = type(value)
  if value == nil or value == M.null then
    return "null"
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "number" then
    return encode_number(value)
  elseif kind == "table" then
    return encode_table(value)
  end
  return encode_string(tostring(value))
end

--- Acyclic values of any kind, on one line.
---@param value any
---@return string
function M.encode(value)
  return encode(value)
end

--- A row of a listing: every column is there, null when the row has no value for it.
---@param row table
---@param columns string[]
---@return string
function M.row(row, columns)
  local full = {}
  for _, column in ipairs(columns) do
    full[column] = M.null
  end
  for key, value in pairs(row) do
    full[key] = value
  end
  return encode(full)
end

return M
