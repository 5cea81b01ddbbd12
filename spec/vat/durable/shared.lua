--- The vat that the specs of kinds and instances play with, and what it left in its tables.

local M = {}

M.SOURCE = [[
  local make
  make = vat.kind("Purse", {
    deposit = function(self, n) self.balance = self.balance + n; return self.balance end,
    twice = function(self, n) self:deposit(n); return self:deposit(n) end,
    get = function(self, k) return self[k] end,
    set = function(self, k, v) self[k] = v end,
    me = function(self) return self end,
    is = function(self, x) return self == x, rawequal(self, x) end,
    list = function(self)
      self.items = { 1, 2 }
      local items = self.items
      items[1] = "changed"
      return self.items[1]
    end,
    wait = function(self, p) local before = self.balance; await(p); return before, self.balance end,
    give = function(self, x) return E(x):take(self, { self }) end,
    bad = function(self, what)
      local values = { far = Far("Ephemeral", {}), promise = promise(), ["function"] = print }
      self.field = { values[what] }
    end,
  })
  local b = vat.baggage
  local kept
  return Far("Main", {
    make = function(self, state) return make(state) end,
    try_make = function(self, what)
      local states = { number = 3, meta = setmetatable({}, {}), key = { 1 }, method = { get = 1 },
        value = { x = print }, none = nil }
      local ok, e = pcall(make, states[what])
      return ok, tostring(e)
    end,
    keep = function(self, k, v) b[k] = v end,
    get = function(self, k) return b[k] end,
    hold = function(self, v) kept = v end,
    held = function(self) return kept end,
    identity = function(self, k)
      local one = b[k]
      return rawequal(one, b[k]), one == one:me(), rawequal(one, one:me()), tostring(one),
        one:is(one)
    end,
    inside_of = function(self, k, field) return b[k]:get(field) end,
    inside = function(self, k) return b[k]:twice(2), b[k]:get "balance" end,
    outside = function(self, k, what)
      local one = b[k]
      local ok, e = pcall(function()
        if what == "read" then return one.balance end
        if what == "write" then one.balance = 7 end
        if what == "dot" then return one.deposit(7) end
      end)
      return ok, tostring(e)
    end,
    take = function(self, x, list) return x == list[1], tostring(x), pcall(function() return x.balance end) end,
    give = function(self, k) return b[k]:give(self) end,
    cycle = function(self)
      local one, two = make { name = "one" }, make { name = "two" }
      one:set("next", two)
      two:set("next", one)
    end,
    chain = function(self, n)
      local last
      for _ = 1, n do last = make { next = last } end
      kept = last
    end,
    twice = function()
      local ok, e = pcall(vat.kind, "Purse", {})
      return ok, tostring(e)
    end,
  })
]]

--- Of each changed row of this prefix, whether it was there before and is after.
function M.rows(outcome, prefix)
  local list = {}
  for _, change in ipairs(outcome.changes) do
    if change.space == "durable" and change.key:sub(1, #prefix) == prefix then
      list[#list + 1] = (change.before and "old" or "none") .. ">" .. (change.after and "new" or "none")
    end
  end
  return table.concat(list, " ")
end

return M
