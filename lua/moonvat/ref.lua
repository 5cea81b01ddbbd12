--- The grammar of references: what people type and what listings show.
--
--   ko20  object      kp40  promise      v3  vat      s1  cluster
--   o+3 o-3           an object in one vat's own numbers: exported, imported
--   o+d2/7            instance 7 of the vat's durable kind 2
--   p+3 p-3           a promise in one vat's own numbers
--
-- A number has no leading zeros and no sign of its own.

local lpeg = require "lpeg"

local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

---@class Ref
---@field kind "object"|"promise"|"vat"|"cluster"
---@field scope "kernel"|"vat" whose numbers these are
---@field number integer
---@field export boolean? of a vat's own references: allocated by the vat
---@field durable integer? the durable kind of an instance

local digit <const> = R "09"
local number = Cg((P "0" + R "19" * digit ^ -17) / tonumber, "number")

local function kind(name)
  return Cg(Cc(name), "kind")
end

local kernel = Cg(Cc "kernel", "scope")
local vat = Cg(Cc "vat", "scope")
local sign = Cg(S "+-" / { ["+"] = true, ["-"] = false }, "export")

local kref = P "ko" * kind "object" * kernel * number + P "kp" * kind "promise" * kernel * number
local id = P "v" * kind "vat" * kernel * number + P "s" * kind "cluster" * kernel * number
local instance = P "o+d" * kind "object" * vat * Cg(Cc(true), "export")
  * Cg((P "0" + R "19" * digit ^ -6) / tonumber, "durable") * "/" * number
local vref = instance + P "o" * kind "object" * vat * sign * number
  + P "p" * kind "promise" * vat * sign * number

local whole = Ct(kref + id + vref) * -1
local whole_kref = kref * -1

local letter = R("az", "AZ") + "_"
local name = letter * (letter + digit + "-") ^ 0
local reserved = (P "ko" + "kp" + "v" + "s") * digit ^ 1 * -1
local whole_name = (name - reserved) * -1
local qualified = Ct(Cg(C("s" * digit ^ 1), "cluster") * "." * Cg(C(name), "name")) * -1

--- Matches a kref as text, for other grammars to build on.
M.kref_pattern = C((P "ko" + "kp") * (P "0" + R "19" * digit ^ -17) * -(letter + digit))

--- Reads one reference: the whole text or nothing.
---@param text string
---@return Ref?
function M.parse(text)
  return whole:match(text)
end

---@param text any
---@return boolean
function M.is_kref(text)
  return type(text) == "string" and whole_kref:match(text) ~= nil
end

--- True for what a vat or bundle may be called: no reference is a name.
---@param text any
---@return boolean
function M.is_name(text)
  return type(text) == "string" and whole_name:match(text) ~= nil
end

--- Splits `s2.counter`, the name of a vat in one of several clusters.
---@param text string
---@return { cluster: string, name: string }?
function M.parse_qualified(text)
  return qualified:match(text)
end

local rank <const> = { cluster = 1, vat = 2, object = 3, promise = 4 }

--- Orders references by kind, then by number: v2 before v10.
---@param a string
---@param b string
---@return boolean
function M.less(a, b)
  local x, y = M.parse(a), M.parse(b)
  if not x or not y then
    return a < b
  elseif x.kind ~= y.kind then
    return rank[x.kind] < rank[y.kind]
  elseif x.number ~= y.number then
    return x.number < y.number
  end
  return a < b
end

return M
