--- Values as Lua literals: what people type, and what every tool shows.
--
-- parse() reads numbers, strings, true, false, nil, tables, `@ko20` and the few constant
-- expressions that print() needs (1/0, -1/0, (0/0), math.mininteger). It runs no code.
-- print() is deterministic (sorted keys) and safe to send to a terminal, and what it prints of
-- plain data, parse() reads back as the same value. An error value is shown as `Error { ... }`.

local lexical = require "moonvat.lexical"
local lpeg = require "lpeg"
local ref = require "moonvat.ref"

local C, Cc, Cp, Cs, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cp, lpeg.Cs, lpeg.P, lpeg.R, lpeg.S

local M = {}

local DEPTH_MAX <const> = 200

-- Reading: LPeg makes words, plain recursion makes tables, so that errors can point.

local function word(kind, pattern)
  return Cc(kind) * pattern * Cp()
end

local next_word = lexical.space * Cp() * (
  word("end", Cc(nil) * -P(1))
  + word("number", lexical.number / tonumber)
  + word("string", lexical.string_value)
  + word("ref", "@" * ref.kref_pattern)
  + word("name", C(lexical.name * ("." * lexical.name) ^ 0))
  + word("sign", C(S "{}[]()=,;-/"))
  + word("bad", C(P(1))))

local constants <const> = {
  ["math.huge"] = math.huge,
  ["math.mininteger"] = math.mininteger,
  ["math.maxinteger"] = math.maxinteger,
  ["math.pi"] = math.pi,
  ["true"] = true,
  ["false"] = false,
}

local function advance(reader)
  reader.at, reader.kind, reader.value, reader.after = next_word:match(reader.text, reader.after)
end

local function fail(reader, message, ...)
  error({ message = string.format(message, ...) .. " at character " .. reader.at }, 0)
end

local function shown(reader)
  if reader.kind == "end" then
    return "the end"
  end
  return M.plain(reader.text:sub(reader.at, reader.after - 1))
end

local function is_sign(reader, sign)
  return reader.kind == "sign" and reader.value == sign
end

local function expect(reader, sign)
  if not is_sign(reader, sign) then
    fail(reader, "expected %s, got %s", sign, shown(reader))
  end
  advance(reader)
end

local read_value

local function read_number(reader)
  local value = reader.value
  advance(reader)
  if is_sign(reader, "/") then
    advance(reader)
    if reader.kind ~= "number" then
      fail(reader, "expected a number, got %s", shown(reader))
    end
    value = value / reader.value
    advance(reader)
  end
  return value
end

local function read_key(reader, depth)
  advance(reader)
  local at = reader.at
  local key = read_value(reader, depth)
  if key == nil or key ~= key then
    reader.at = at
    fail(reader, "a key cannot be %s", key == nil and "nil" or "not a number")
  end
  expect(reader, "]")
  expect(reader, "=")
  return key
end

local function read_field(reader, into, count, depth)
  if is_sign(reader, "[") then
    local key = read_key(reader, depth)
    into[key] = read_value(reader, depth)
    return count
  elseif reader.kind == "name" and not lexical.keyword[reader.value] then
    local key, before = reader.value, { at = reader.at, kind = reader.kind, after = reader.after }
    advance(reader)
    if is_sign(reader, "=") and not key:find(".", 1, true) then
      advance(reader)
      into[key] = read_value(reader, depth)
      return count
    end
    reader.at, reader.kind, reader.value, reader.after = before.at, "name", key, before.after
  end
  into[count + 1] = read_value(reader, depth)
  return count + 1
end

local function read_table(reader, depth)
  if depth >= DEPTH_MAX then
    fail(reader, "a table is nested deeper than %d", DEPTH_MAX)
  end
  advance(reader)
  local into, count = {}, 0
  while not is_sign(reader, "}") do
    count = read_field(reader, into, count, depth + 1)
    if not is_sign(reader, "}") and not is_sign(reader, ",") and not is_sign(reader, ";") then
      fail(reader, "expected , or }, got %s", shown(reader))
    elseif not is_sign(reader, "}") then
      advance(reader)
    end
  end
  advance(reader)
  return into
end

local function read_reference(reader)
  if not reader.reference then
    fail(reader, "a reference cannot be written here")
  end
  local value = reader.reference(reader.value)
  advance(reader)
  return value
end

local function read_named(reader)
  local name = reader.value
  if constants[name] == nil and name ~= "nil" then
    local advice = ref.is_kref(name) and "write @%s for the reference"
      or 'a string is written in quotes, "%s"'
    fail(reader, "%s is no literal (" .. advice .. ")", name, name)
  end
  advance(reader)
  return constants[name]
end

local function read_bad(reader)
  local first = reader.value
  if first == '"' or first == "'" then
    fail(reader, "an unfinished string or a wrong escape")
  elseif first == "@" then
    fail(reader, "@ must be followed by a reference such as ko20")
  end
  fail(reader, "unexpected %s", shown(reader))
end

local function read_paren(reader, depth)
  if depth >= DEPTH_MAX then
    fail(reader, "parentheses are nested deeper than %d", DEPTH_MAX)
  end
  advance(reader)
  local value = read_value(reader, depth + 1)
  expect(reader, ")")
  return value
end

local function read_negative(reader, depth)
  advance(reader)
  local at, value = reader.at, nil
  if reader.kind == "number" then
    return -read_number(reader)
  elseif is_sign(reader, "(") then
    value = read_paren(reader, depth)
  elseif reader.kind == "name" then
    value = read_named(reader)
  end
  if type(value) ~= "number" then
    reader.at = at
    fail(reader, "expected a number behind the minus")
  end
  return -value
end

local readers <const> = {
  number = read_number,
  ref = read_reference,
  name = read_named,
  bad = read_bad,
  ["{"] = read_table,
  ["("] = read_paren,
  ["-"] = read_negative,
}

function read_value(reader, depth)
  if reader.kind == "string" then
    local value = reader.value
    advance(reader)
    return value
  end
  local read = readers[reader.kind == "sign" and reader.value or reader.kind]
  if not read then
    fail(reader, "expected a value, got %s", shown(reader))
  end
  return read(reader, depth)
end

--- Reads one literal.
---@param text string
---@param reference? fun(kref: string): any makes what `@ko20` stands for; may raise
---@return boolean ok
---@return any value or, when not ok, what is wrong and where
function M.parse(text, reference)
  local reader = { text = text, after = 1, reference = reference }
  local ok, value = pcall(function()
    advance(reader)
    local value = read_value(reader, 0)
    if reader.kind ~= "end" then
      fail(reader, "unexpected %s", shown(reader))
    end
    return value
  end)
  if not ok and type(value) == "table" and getmetatable(value) == nil then
    return false, value.message
  elseif not ok then
    return false, tostring(value)
  end
  return true, value
end

-- Writing.

local short <const> = {
  ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\",
}

local function by_code_point(text)
  return string.format("\\u{%X}", utf8.codepoint(text))
end

local function by_byte(byte)
  return string.format("\\x%02X", byte:byte())
end

local risky = lexical.sly / by_code_point + lexical.character + P(1) / by_byte
local quotable = Cs((R " ~" - S '"\\' + S '\n\t\r"\\' / short + risky) ^ 0)
local printable = Cs((R " ~" + "\t" + S "\n\r" / short + risky) ^ 0)

--- A string as a Lua literal in double quotes, of printable characters alone.
---@param text string
---@return string
function M.quote(text)
  return '"' .. quotable:match(text) .. '"'
end

--- A text for people on one line: what could steer a terminal is escaped, all else as it is.
---@param text string
---@return string
function M.plain(text)
  if not text:find "[^\32-\126]" then
    return text
  end
  return printable:match(text)
end

--- The same for a word that someone typed: an empty one can be seen, too.
---@param text string
---@return string
function M.shown(text)
  return text == "" and '""' or M.plain(text)
end

local function print_float(value)
  if value ~= value then
    return "(0/0)"
  elseif value == math.huge then
    return "1/0"
  elseif value == -math.huge then
    return "-1/0"
  end
  local text
  for digits = 14, 17 do
    text = string.format("%." .. digits .. "g", value)
    if tonumber(text) == value then
      break
    end
  end
  return text:find "[.eE]" and text or text .. ".0"
end

local function print_number(value)
  if value == math.mininteger and math.type(value) == "integer" then
    return "math.mininteger"
  end
  return math.type(value) == "integer" and string.format("%d", value) or print_float(value)
end

--- True for what a promise was rejected with when that is an error value.
---@param value any
---@return boolean
function M.is_error(value)
  return type(value) == "table" and getmetatable(value) ~= nil
    and type(rawget(value, "name")) == "string" and type(rawget(value, "message")) == "string"
end

local rank <const> = { number = 1, string = 2, boolean = 3 }

local function key_less(a, b)
  local x, y = rank[type(a)] or 4, rank[type(b)] or 4
  if x ~= y then
    return x < y
  elseif x <= 2 then
    return a < b
  end
  return tostring(a) < tostring(b)
end

--- The keys of a table that are not in its array part of `count` items, sorted.
---@param value table
---@param count? integer
---@return any[]
function M.sorted_keys(value, count)
  local keys = {}
  for key in next, value do
    if not (count and math.type(key) == "integer" and key >= 1 and key <= count) then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, key_less)
  return keys
end

local print_value

local function print_key(key, path)
  if type(key) == "string" and not lexical.keyword[key] and key:find "^[%a_][%w_]*$" then
    return key
  end
  return "[" .. print_value(key, path) .. "]"
end

local function print_table(value, path)
  if path[value] or path.depth >= DEPTH_MAX then
    return "{ ... }"
  end
  path[value], path.depth = true, path.depth + 1
  local parts, count = {}, 0
  while rawget(value, count + 1) ~= nil do
    count = count + 1
    parts[count] = print_value(rawget(value, count), path)
  end
  for _, key in ipairs(M.sorted_keys(value, count)) do
    parts[#parts + 1] = print_key(key, path) .. " = " .. print_value(rawget(value, key), path)
  end
  path[value], path.depth = nil, path.depth - 1
  local body = #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
  return M.is_error(value) and "Error " .. body or body
end

function print_value(value, path)
  local kind = type(value)
  if kind == "string" then
    return M.quote(value)
  elseif kind == "number" then
    return print_number(value)
  elseif kind == "table" then
    return print_table(value, path)
  elseif kind == "userdata" and ref.is_kref(tostring(value)) then
    return "@" .. tostring(value)
  elseif value == nil or kind == "boolean" then
    return tostring(value)
  end
  return "<" .. M.plain(tostring(value)) .. ">"
end

--- One value as Lua literal text, on one line.
---@param value any
---@return string
function M.print(value)
  return print_value(value, { depth = 0 })
end

--- The same for people: a reference alone is shown as it is typed as a target, `ko20`.
---@param value any
---@return string
function M.show(value)
  local text = M.print(value)
  return (text:gsub("^@", ""))
end

--- A rejection's reason on one line: `InsufficientFunds: need 1000, have 70`.
---@param reason any
---@return string
function M.reason(reason)
  if M.is_error(reason) then
    return M.plain(rawget(reason, "name")) .. ": " .. M.plain(rawget(reason, "message"))
  end
  return M.show(reason)
end

return M
