--- What the kernel's listings look like: aligned columns for people, JSON for programs.
--
-- One table says for each listing which method gives it, whether it is about one vat or
-- reference, and its columns. The program and the prompt both read it.

local json = require "moonvat.program.json"
local literal = require "moonvat.literal"

local M = {}

---@class Listing
---@field about? string what it takes: "VAT" or "KREF"
---@field columns string[]
---@field literals? table<string, true> columns whose cells are values, shown as literals
---@field summary string

local entry <const> = { key = true, value = true }

---@type table<string, Listing>
M.listings = {
  clusters = {
    columns = { "id", "bootstrap", "vats" },
    summary = "the clusters: which vat began, how many vats live",
  },
  vats = {
    columns = { "id", "name", "cluster", "state", "incarnation", "deliveries", "fault" },
    summary = "the vats: state, code generation, deliveries, last fault",
  },
  objects = {
    columns = { "kref", "owner", "interface", "reachable", "recognizable", "revoked" },
    summary = "the objects: owner, interface, reference counts",
  },
  promises = {
    columns = { "kref", "state", "decider", "refcount", "subscribers", "parked", "follows" },
    summary = "the promises: state, who decides, who waits",
  },
  queue = {
    columns = { "seq", "kind", "target", "method", "vat", "parked", "result" },
    summary = "what is still to be delivered, in order, and what waits",
  },
  bundles = {
    columns = { "sha256", "name", "installed", "modules" },
    summary = "the sources in the database: the file, the names it was installed under",
  },
  images = {
    columns = { "vat", "incarnation", "position", "length", "stored", "build", "hash" },
    summary = "the saved heaps: of which delivery on, bytes of heap and in the file",
  },
  stats = { columns = { "name", "value" }, summary = "the kernel's counters" },
  clist = {
    about = "VAT",
    columns = { "vref", "kref", "reachable" },
    summary = "what one vat can reach: its numbers and the kernel's",
  },
  vatstore = {
    about = "VAT", columns = { "key", "value" }, literals = entry,
    summary = "one vat's durable strings",
  },
  baggage = {
    about = "VAT", columns = { "key", "value" }, literals = entry,
    summary = "one vat's durable values",
  },
  holders = {
    about = "KREF", columns = { "kind", "holder", "detail" },
    summary = "who holds a reference, and how",
  },
}

local WIDTH_MAX <const> = 200 -- of one cell; the rest is counted

local function cut(text)
  local length = utf8.len(text) or #text
  if length <= WIDTH_MAX then
    return text
  end
  local last = (utf8.offset(text, WIDTH_MAX + 1) or WIDTH_MAX + 1) - 1
  return string.format("%s...(+%d)", text:sub(1, last), length - WIDTH_MAX)
end

local function list_text(value)
  local parts = {}
  for i, item in ipairs(value) do
    if type(item) ~= "string" then
      return literal.print(value)
    end
    parts[i] = literal.plain(item)
  end
  for _, key in ipairs(literal.sorted_keys(value, #parts)) do
    if type(value[key]) ~= "string" or type(key) ~= "string" then
      return literal.print(value)
    end
    parts[#parts + 1] = literal.plain(key) .. " " .. literal.plain(value[key])
  end
  return table.concat(parts, ", ")
end

--- One value as a cell of a table, or as a fact behind its name.
---@param value any
---@param as_literal? boolean strings in quotes
---@return string
function M.cell(value, as_literal)
  if as_literal then
    return literal.show(value)
  elseif value == nil then
    return "-"
  elseif type(value) == "boolean" then
    return value and "yes" or "no"
  elseif type(value) == "string" then
    return value == "" and "-" or literal.plain(value)
  elseif type(value) == "table" and not literal.is_error(value) then
    return next(value) == nil and "-" or list_text(value)
  end
  return literal.show(value)
end

local function width(text)
  return utf8.len(text) or #text
end

local function is_number_column(rows, column)
  local some = false
  for _, row in ipairs(rows) do
    if row[column] ~= nil and type(row[column]) ~= "number" then
      return false
    end
    some = some or row[column] ~= nil
  end
  return some
end

local function pad(text, to, right)
  local space = string.rep(" ", to - width(text))
  return right and space .. text or text .. space
end

local function all_columns(rows, columns)
  local list, known = {}, {}
  for _, column in ipairs(columns) do
    list[#list + 1], known[column] = column, true
  end
  local extra = {}
  for _, row in ipairs(rows) do
    for key in pairs(row) do
      if not known[key] then
        known[key], extra[#extra + 1] = true, key
      end
    end
  end
  table.sort(extra)
  return table.move(extra, 1, #extra, #list + 1, list)
end

--- Rows as aligned columns under their names.
---@param rows table[]
---@param listing Listing
---@param paint? fun(text: string): string for the heading
---@return string[] lines
function M.columns(rows, listing, paint)
  local names = all_columns(rows, listing.columns)
  local literals = listing.literals or {}
  local lines = { {} }
  for i = 1, #rows do
    lines[i + 1] = {}
  end
  for position, name in ipairs(names) do
    local right, widest = is_number_column(rows, name), width(name)
    local cells = { name }
    for i, row in ipairs(rows) do
      cells[i + 1] = cut(M.cell(row[name], literals[name]))
      widest = math.max(widest, width(cells[i + 1]))
    end
    for i, text in ipairs(cells) do
      lines[i][position] = pad(text, widest, right)
    end
  end
  for i, cells in ipairs(lines) do
    lines[i] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  lines[1] = paint and lines[1] ~= "" and paint(lines[1]) or lines[1]
  return lines
end

--- The rows of a listing. Names and values that are no list become rows, sorted by name.
---@param result table
---@return table[]
function M.rows(result)
  local rows = {}
  for i, row in ipairs(result) do
    rows[i] = type(row) == "table" and row or { problem = tostring(row) }
  end
  if #rows == 0 then
    for i, name in ipairs(literal.sorted_keys(result)) do
      rows[i] = { name = tostring(name), value = result[name] }
    end
  end
  return rows
end

--- What the queue holds that can be delivered now: items that wait for something do not count.
---@param k Kernel
---@return integer
function M.left(k)
  local count = 0
  for _, item in ipairs(k:queue()) do
    count = count + (item.parked and 0 or 1)
  end
  return count
end

--- A whole listing as lines: for people, or one JSON object a line.
---@param result table what the kernel's method returned
---@param listing Listing
---@param how { json: boolean?, paint: (fun(text: string): string)? }
---@return string[]
function M.listing(result, listing, how)
  local rows = M.rows(result)
  if not how.json then
    return M.columns(rows, listing, how.paint)
  end
  local lines = {}
  for i, row in ipairs(rows) do
    lines[i] = json.row(row, listing.columns)
  end
  return lines
end

local fact_order <const> = {
  "kref", "kind", "state", "owner", "interface", "reachable", "recognizable", "revoked", "decider",
  "refcount", "subscribers", "parked", "follows", "values", "reason", "holders",
}

local function values_text(values)
  local parts = {}
  for i = 1, values.n or #values do
    parts[i] = literal.print(values[i])
  end
  return #parts == 0 and "none" or table.concat(parts, ", ")
end

local function holders_text(holders)
  local parts = {}
  for i, holder in ipairs(holders) do
    local words = { holder.kind }
    words[#words + 1] = holder.holder
    words[#words + 1] = holder.detail
    parts[i] = literal.plain(table.concat(words, " "))
  end
  return #parts == 0 and "-" or table.concat(parts, ", ")
end

local function fact_text(name, value)
  if name == "values" and type(value) == "table" then
    return values_text(value)
  elseif name == "holders" and type(value) == "table" then
    return holders_text(value)
  elseif name == "reason" then
    return literal.is_error(value) and literal.reason(value) or literal.print(value)
  end
  return M.cell(value)
end

--- All facts of one object or promise as lines, a name and a value each.
---@param facts table
---@return string[]
function M.facts(facts)
  local names, known, widest = {}, {}, 0
  for _, name in ipairs(fact_order) do
    known[name] = true
    if facts[name] ~= nil then
      names[#names + 1] = name
    end
  end
  for _, name in ipairs(literal.sorted_keys(facts)) do
    if not known[name] then
      names[#names + 1] = name
    end
  end
  for _, name in ipairs(names) do
    widest = math.max(widest, #name)
  end
  local lines = {}
  for i, name in ipairs(names) do
    lines[i] = pad(name, widest) .. "  " .. fact_text(name, facts[name])
  end
  return lines
end

return M
