--- Literals, references and sources: any text is read as what Lua reads, or refused with advice.

local bundle = require "moonvat.bundle"
local generate = require "spec.fuzz.generate"
local lexical = require "moonvat.lexical"
local literal = require "moonvat.literal"
local ref = require "moonvat.ref"

local NUMBERS <const> = { "0", "-1", "3.5", "1e15", "1e308", "-0.0", "0x7fffffffffffffff",
  "0xffffffffffffffff", "9223372036854775807", "9223372036854775808", "0x.8p1", "1/0", "-1/0", "(0/0)",
  "math.mininteger", "math.pi", "-(1)", "- 7", "((3))", "-math.huge", "5e-324", "3.", ".5" }
-- No key that an item without one has, too: which of the two Lua takes depends on their number.
local KEYS <const> = { "-1", "3.5", "1e308", "-0x10", "true", "'a'", '"b c"', "(-7)", "-1/0" }
local STRINGS <const> = { '""', "'a'", '"\\n\\t\\"\\065\\x41\\u{48}\\z  x"', "[[\nlong]]", "[=[ ]] ]=]",
  '"\u{e9}"', "'\\u{7FFFFFFF}'", '"a\\\nb"' }
local SPACES <const> = { "", " ", "\n", " --x\n", "--[[ y ]]", "\t" }

local write

local function write_table(g, depth)
  local list = {}
  for i = 1, g:roll(5) - 1 do
    local value = write(g, depth + 1)
    local what = g:roll(4)
    list[i] = what == 1 and "x" .. i .. " = " .. value or what == 2 and ("[%s] = %s"):format(g:pick(KEYS), value)
      or value
    list[i] = list[i] .. g:pick(SPACES) .. g:pick { ",", ";" }
  end
  return "{" .. table.concat(list, g:pick(SPACES)) .. "}"
end

function write(g, depth)
  local what = depth < 5 and g:roll(8) or g:roll(4)
  if what == 1 then
    return g:pick { "true", "false", "nil" }
  elseif what <= 3 then
    return g:pick(NUMBERS)
  elseif what == 4 then
    return g:pick(STRINGS)
  elseif what == 5 and g:chance(20) then
    local open, close = table.unpack(g:pick { { "{", "}" }, { "(", ")" }, { "{x=", "}" }, { "-(", ")" } })
    local n = 190 + g:roll(20)
    return open:rep(n) .. "1" .. close:rep(n)
  end
  return write_table(g, depth)
end

local function read_by_lua(text)
  local chunk, message = load("return " .. text, "=text", "t", { math = math })
  if not chunk then
    return false, message
  end
  return pcall(chunk)
end

local function is_plain(text)
  text = text:gsub("\t", "")
  return not text:find "[^\32-\126]" or not text:find "[%c\127]" and utf8.len(text) ~= nil
end

--- A literal: read as Lua reads it, printed, and read again.
local function try_literal(g)
  local text = write(g, 0)
  local good = not g:chance(3)
  g.input = good and text or g:mutate(text)
  local ok, value = literal.parse(g.input)
  if not ok then
    generate.check_message(value, "parse")
    assert(value:find " at character %d+$", "no place is named: " .. value)
    assert(is_plain(value), "the error is not safe to print")
    local deep = text:find("(((((((", 1, true) or text:find("{{{{{{{", 1, true) or text:find "x={x={x="
      or text:find("-(-(-(", 1, true)
    assert(not good or deep or not read_by_lua(g.input), "Lua reads it, we do not: " .. value)
    return
  end
  local by_lua, expected = read_by_lua(g.input)
  if not by_lua and expected:find "overflow" then
    return -- Lua nests less deep
  end
  assert(by_lua, "we read it, Lua does not: " .. tostring(expected))
  local printed = literal.print(value)
  assert(not good or printed == literal.print(expected), "we read " .. printed .. ", Lua " .. literal.print(expected))
  assert(is_plain(printed), "what is printed is not plain")
  local again, same = literal.parse(printed)
  assert(again and literal.print(same) == printed, "read again, it differs: " .. printed)
end

--- References in a literal, and as a whole text.
local function try_reference(g)
  local text = g:pick { "ko1", "kp20", "v3", "s1", "o+3", "o-3", "p+1", "o+d2/7", "ko999999999999999999" }
  g.input = g:chance(3) and text or g:mutate(text)
  local parsed = ref.parse(g.input)
  assert(parsed == nil or math.type(parsed.number) == "integer" and parsed.number >= 0, "no number")
  assert(not (ref.is_kref(g.input) and ref.is_name(g.input)), "a kref and a name")
  ref.less(g.input, text)
  ref.parse_qualified(g.input)
  local seen
  local ok, value = literal.parse("@" .. g.input, function(kref)
    seen = kref
    return 1
  end)
  if ok then
    assert(seen, "a reference that nobody made")
  else
    generate.check_message(value, "parse")
  end
end

--- Any bytes in quotes, and shown to people.
local function try_string(g)
  g.input = g:chance(2) and g:bytes(40) or g:mutate(g:pick(STRINGS))
  local quoted = literal.quote(g.input)
  assert(is_plain(quoted) and not quoted:find "\n", "not plain: " .. quoted)
  local ok, value = literal.parse(quoted)
  assert(ok and value == g.input, "read again, it differs: " .. quoted)
  local by_lua, same = read_by_lua(quoted)
  assert(by_lua and same == g.input, "Lua reads it otherwise: " .. quoted)
  assert(is_plain(literal.plain(g.input)), "plain is not plain")
end

local SOURCES <const> = {
  'local a = require "a"\nlocal b = require("b.c")\nreturn function(vat) return Far("X", {}) end',
  "local x = [[ require ]] -- require\nx.require = 1; x:require 'y'; return require 'z'",
  "local s = 'a\\'b' .. \"c\" .. [==[ ]] ]==] return s, 0x1p4, 3..2, 1 .. 2",
}

--- A source: what it requires, or what is wrong with it and in which line.
local function try_source(g)
  local source = g:pick(SOURCES)
  g.input = g:chance(4) and source or g:mutate(source)
  if #g.input > 3000 and not load(g.input, "=main.lua", "t") then
    return -- the loader refuses it first; reading on behind each bracket left open takes long
  end
  local ok, list = pcall(bundle.requires, g.input, "main.lua")
  if ok then
    for _, wanted in ipairs(list) do
      assert(wanted.line >= 1 and wanted.name:find "^[%w_.-]+$", "no module: " .. wanted.name)
    end
  else
    generate.check_message(list, "requires")
    assert(list:find "^main%.lua:%d+: ", "no place is named: " .. list)
  end
  lexical.line_at(g.input, g:roll(#g.input + 2))
end

local TRIES <const> = { try_literal, try_literal, try_literal, try_reference, try_string, try_source }

generate.main("literals", function(g)
  g:pick(TRIES)(g)
end)
