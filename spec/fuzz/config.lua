--- Configs: whatever table or file is given, what is launched is as it must be, or the error says
-- what is wrong and where.

local config = require "moonvat.config"
local generate = require "spec.fuzz.generate"
local literal = require "moonvat.literal"

local BASE <const> = (os.getenv "FUZZ_FOLDER" or "build") .. "/fuzz-config/"

local FILES <const> = {
  ["main.lua"] = 'local u = require "util"\nreturn function() return Far("Main", {}) end\n',
  ["util.lua"] = "return {}\n",
  ["circle.lua"] = 'return require "circle"\n',
  ["wrong.lua"] = "return function(\n",
  ["lost.lua"] = 'return require "nowhere"\n',
  ["bytes.lua"] = "\27Lua",
}

local function write(name, text)
  local file <close> = assert(io.open(BASE .. name, "wb"))
  file:write(text)
end

local NAMES <const> = { "main", "counter", "v1", "ko1", "s2", "a b", "", "_x", "vat-2", "9", "\27[2J", "end",
  "vats", "bootstrap", "bundles", "services", "source", "parameters", "options", "vatss", "sorce",
  "memory_limit", "memory_limt", "time_limit", "on_fault", "critical", "vatstore", "snapshot_interval",
  "transcript", "reap_interval", "instruction_budget" }
local SOURCES <const> = { "main.lua", "main.lua", "util.lua", "circle.lua", "wrong.lua", "lost.lua", "bytes.lua",
  "none.lua", "", ".", "..", "/", "moonvat:registry", "moonvat:none", "moonvat:", "moonvat:../x", "a\0b" }

local any

local function any_table(g, depth)
  local value = {}
  for i = 1, g:roll(4) - 1 do
    local key = g:pick { i, g:pick(NAMES), true, -1, 1.5, math.huge, g:bytes(4), {}, print }
    value[key] = any(g, depth + 1)
  end
  if g:chance(12) then
    setmetatable(value, { __index = function() return nil end, __len = error, __pairs = error,
      __tostring = function() error "__tostring" end, __name = g:chance(2) and 5 or nil })
  end
  if g:chance(12) then
    value[g:pick(NAMES)] = value
  end
  return value
end

function any(g, depth)
  local what = g:roll(depth < 4 and 12 or 9)
  if what <= 2 then
    return g:pick(NAMES)
  elseif what <= 4 then
    return g:pick { 0, 1, -1, 1.5, 262144, 1 << 30, 1 << 31, math.mininteger, math.huge, -math.huge, 0 / 0 }
  elseif what == 5 then
    return g:chance(2)
  elseif what == 6 then
    return g:pick { print, coroutine.create(print), io.stdout, error, g:bytes(8), "reject", "paged", "bulk" }
  elseif what == 7 then
    return nil
  elseif what == 8 then
    local deep = g:pick(NAMES)
    for _ = 1, g:chance(8) and 190 + g:roll(20) or 1 do
      deep = { deep }
    end
    return deep
  end
  return any_table(g, depth)
end

local function or_any(g, value, depth)
  if g:chance(10) then
    return any(g, depth)
  end
  return value
end

local function options(g)
  local list = { transcript = true, time_limit = 0.5, instruction_budget = 1000, memory_limit = 1 << 20,
    on_fault = "suspend", critical = false, reap_interval = 5, vatstore = "paged", snapshot_interval = 0 }
  local chosen = {}
  for _, name in ipairs(literal.sorted_keys(list)) do
    if g:chance(3) then
      chosen[name] = or_any(g, list[name], 2)
    end
  end
  return or_any(g, chosen, 2)
end

local function vat(g)
  return or_any(g, {
    source = or_any(g, g:chance(4) and g:pick(SOURCES) or "main.lua", 2),
    parameters = g:chance(2) and or_any(g, { a = 1, list = { 1, 2 } }, 2) or nil,
    options = g:chance(2) and options(g) or nil,
  }, 2)
end

local function cluster(g)
  local value = { vats = { main = vat(g) } }
  if g:chance(3) then
    value.vats[g:pick { 1, 1.5, print, true, "x", g:pick(NAMES), g:pick(NAMES) }] = vat(g)
  end
  value.bootstrap = g:chance(2) and or_any(g, "main", 1) or nil
  value.services = g:chance(2) and or_any(g, { or_any(g, "vat_admin", 3), g:chance(4) and "timer" or nil }, 1)
  value.services = value.services or nil
  value.bundles = g:chance(3) and or_any(g, { purse = vat(g) }, 1) or nil
  if g:chance(10) then
    rawset(value, g:pick { 1, true, g:pick(NAMES) }, any(g, 1))
  end
  return or_any(g, value, 0)
end

local function check_spec(spec)
  assert(#spec.vats > 0, "a cluster without vats")
  for _, one in ipairs(spec.vats) do
    assert(type(one.name) == "string" and #one.bundle > 0 and type(one.parameters) == "table"
      and type(one.options) == "table", "a vat that is not whole")
  end
  local text = config.canonical(spec)
  assert(text == config.canonical(spec), "two texts for one config")
end

local function try_table(g)
  local value = cluster(g)
  local ok, spec = pcall(config.load, value, g:pick { BASE, BASE:sub(1, -2), "" })
  if ok then
    check_spec(spec)
  else
    generate.check_message(spec, "load")
    local path = type(value) == "string" and value or "config: "
    assert(spec:sub(1, #path) == path or spec:find "^a config is ", "no place is named: " .. spec)
  end
end

--- What a vat says about a vat that it wants made, and a value given as parameters.
local function try_parts(g)
  for _, check in ipairs { config.check_dynamic, config.check_parameters, config.check_options } do
    local ok, result = pcall(check, or_any(g, { name = or_any(g, "x", 2), options = options(g) }, 0), "call: args[2]")
    if ok then
      assert(type(result) == "table", "no table")
    else
      generate.check_message(result, "check")
      assert(result:find "^call: args%[2%]", "no place is named: " .. result)
    end
  end
end

local TEXTS <const> = {
  'return { bootstrap = "main", vats = { main = { source = "main.lua", parameters = { n = 1 + 2 } } } }\n',
  'local v = {}\nfor i = 1, 3 do v["a" .. i] = { source = "main.lua" } end\nreturn { vats = v }\n',
  'return { vats = { main = { source = "moonvat:registry", options = { memory_limit = 1 << 20 } } } }\n',
}

local ENDLESS <const> = { "while true do end\n", "local t = {} for i = 1, 1e9 do t[1] = i end\n" }

--- A file: what the loader or the config's own code says begins with its path.
local function try_file(g)
  g.input = g:mutate(g:pick(TEXTS))
  if g:chance(500) then
    g.input = g:pick(ENDLESS) .. g.input
  end
  write("config.lua", g.input)
  local path = BASE .. "config.lua"
  local ok, spec = pcall(config.load, path)
  if ok then
    check_spec(spec)
  else
    assert(type(spec) == "string", "the error is a " .. type(spec))
    if spec:sub(1, #path + 2) == path .. ": " then
      generate.check_message(spec, "load")
    else
      assert(spec:sub(1, #path + 1) == path .. ":" or not spec:find "/moonvat/", "no place is named: " .. spec)
    end
  end
end

local TRIES <const> = { try_table, try_table, try_table, try_parts, try_file }

os.execute("mkdir -p '" .. BASE .. "'")
for name, text in pairs(FILES) do
  write(name, text)
end
generate.main("config", function(g)
  g:pick(TRIES)(g)
end)
