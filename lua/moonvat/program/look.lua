--- The commands that look at a kernel: the listings, show, dump, audit.
--
-- What each prints is the same for the program, which opens a database to look at it, and for the
-- prompt, which has a kernel: M.prints has a function of world, kernel, what it is about and
-- options for each.

local inspect = require "moonvat.program.inspect"
local json = require "moonvat.program.json"
local literal = require "moonvat.literal"
local ref = require "moonvat.ref"
local shared = require "moonvat.program.shared"

local M = {}

-- Printing.

local function facts_as_json(facts)
  local values = facts.values
  if values then
    facts.values = {}
    for i = 1, values.n do
      facts.values[i] = values[i] == nil and json.null or values[i]
    end
  end
  return json.encode(facts)
end

M.prints = {}

for name, listing in pairs(inspect.listings) do
  M.prints[name] = function(world, k, about, options)
    local how = { json = options.json, paint = world.heading }
    shared.print_lines(world, inspect.listing(k[name](k, about), listing, how))
  end
end

--- Returns the facts, too.
function M.prints.show(world, k, kref, options)
  local facts = k:show(kref)
  facts.holders = k:holders(kref)
  shared.print_lines(world, options.json and { facts_as_json(facts) } or inspect.facts(facts))
  return facts
end

function M.prints.dump(world, k)
  for line in k:dump():gmatch "[^\n]+" do
    world.out(literal.plain(line) .. "\n")
  end
end

--- Returns how many problems there are.
function M.prints.audit(world, k, _, options)
  local problems = k:audit()
  for _, problem in ipairs(problems) do
    if options.json then
      world.out(json.encode(type(problem) == "table" and problem or { problem = problem }) .. "\n")
    else
      world.out(inspect.cell(problem) .. "\n")
    end
  end
  return #problems
end

-- The program's commands.

-- A reference as it was typed, maybe with the @ that listings of values put before it.
local function read_kref(text)
  local kref = text:gsub("^@", "")
  if not ref.is_kref(kref) then
    shared.fail(shared.USAGE, "%s is no reference; write ko20 for an object, kp40 for a promise",
      literal.plain(text))
  end
  return kref
end

for name, listing in pairs(inspect.listings) do
  M[name] = function(world, arguments, options)
    local about = listing.about == "KREF" and read_kref(arguments[2]) or arguments[2]
    local k <close> = shared.open(world, arguments[1], { readonly = true })
    M.prints[name](world, k, about, options)
  end
end

-- What `send` pinned is let go once it was seen settled; not when somebody else has the database.
local function let_go(world, db, kref)
  local ok, k = pcall(shared.open, world, db, {})
  if ok then
    pcall(k.unpin, k, kref)
    k:close()
  end
end

local function is_pinned(facts)
  for _, holder in ipairs(facts.holders) do
    if holder.kind == "pin" then
      return true
    end
  end
  return false
end

function M.show(world, arguments, options)
  local db, kref = arguments[1], read_kref(arguments[2])
  local facts
  do
    local k <close> = shared.open(world, db, { readonly = true })
    facts = M.prints.show(world, k, kref, options)
  end
  if (facts.state == "fulfilled" or facts.state == "rejected") and is_pinned(facts) then
    let_go(world, db, kref)
  end
end

function M.dump(world, arguments)
  local k <close> = shared.open(world, arguments[1], { readonly = true })
  M.prints.dump(world, k)
end

function M.audit(world, arguments, options)
  local k <close> = shared.open(world, arguments[1], { readonly = true })
  if M.prints.audit(world, k, nil, options) > 0 then
    return shared.AUDIT
  end
  world.say("%s: no problems found", arguments[1])
end

return M
