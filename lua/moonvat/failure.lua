--- Errors as data: what the core raises, `{ code = "no_such_vat", message = "no such vat: ..." }`.
--
-- The code says what happened, to programs; the message says it to people, and may change. What a
-- kernel's methods raise in a host program is made of both by init.lua.

local M = {}

local NAME <const> = "moonvat.error"

---@class Failure
---@field code string one of those in csrc/module/lerror.c
---@field message string

local meta = { __name = NAME, __tostring = function(self) return self.message end }

---@param code string
---@param message string
---@return Failure
function M.new(code, message)
  return setmetatable({ code = code, message = message }, meta)
end

--- What happened; nil when what was raised is something else, such as a vat's reason.
---@param raised any
---@return string? code
function M.code(raised)
  local of = type(raised) == "table" and getmetatable(raised)
  return type(of) == "table" and of.__name == NAME and raised.code or nil
end

--- What a call returns, but what it raises as data is raised as its message, without a place.
---@param f function
---@param ... any
---@return any ...
function M.as_text(f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then
    error(M.code(results[2]) and results[2].message or results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

return M
