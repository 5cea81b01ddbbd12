--- Instances of kinds: how long they live, and what they keep.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local ref, same = lone.ref, helpers.same

local SOURCE <const> = [[
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

local function rows(outcome, prefix)
  local list = {}
  for _, change in ipairs(outcome.changes) do
    if change.space == "durable" and change.key:sub(1, #prefix) == prefix then
      list[#list + 1] = (change.before and "old" or "none") .. ">" .. (change.after and "new" or "none")
    end
  end
  return table.concat(list, " ")
end

local function reap(vat)
  return vat:deliver { kind = "bring_out_your_dead" }
end

describe("an instance", function()
  after_each(lone.clean)

  local function has(vat, one)
    local outcome = vat:send(one, "get", "x")
    return not outcome.fault
  end

  it("lives while the heap holds it, and goes when nothing does", function()
    local vat = lone.start(SOURCE)
    vat:message("chain", 3)
    same(rows(reap(vat), "to"), "")
    vat:message("hold", nil)
    same(rows(reap(vat), "to"), "old>none old>none old>none", "each held the next")
    same(rows(vat.outcome, "t"), "old>none old>none old>none old>none old>none old>none",
      "no count is left behind")
    same(reap(vat).changes, {})
  end)

  it("lives while the kernel reaches it, heap or not", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { x = 1 })
    same(rows(reap(vat), "to"), "")
    vat:send(one, "get", "x")
    same(lone.settlement(vat.outcome, "p-2").values, { 1, n = 1 })
    vat:deliver { kind = "drop_exports", one }
    local outcome = reap(vat)
    same(rows(outcome, "to"), "old>none")
    same(#lone.syscalls(outcome, "retire_exports"), 1)
    same(lone.syscalls(outcome, "retire_exports")[1][1], "o+d1/1")
  end)

  it("is exported again after it was dropped or retired", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { x = 1 })
    vat:message("keep", "one", one)
    vat:deliver { kind = "drop_exports", one }
    same(rows(reap(vat), "to"), "")
    same(tostring((vat:values("get", "one"))), "o+d1/1")
    vat:deliver { kind = "drop_exports", one }
    vat:deliver { kind = "retire_exports", one }
    same(rows(reap(vat), "to"), "")
    same(tostring((vat:values("get", "one"))), "o+d1/1")
    assert(has(vat, one))
    vat:deliver { kind = "drop_exports", one }
    vat:deliver { kind = "retire_exports", one }
    vat:message("keep", "one", nil)
    local outcome = reap(vat)
    same(rows(outcome, "to"), "old>none")
    same(lone.syscalls(outcome, "retire_exports"), {})
  end)

  it("lives while rows name it, as often as they do", function()
    local vat = lone.start(SOURCE)
    local one, two = vat:values("make", { x = 1 }), vat:values("make", { x = 2 })
    vat:message("keep", "a", { one, one })
    vat:message("keep", "b", one)
    vat:send(two, "set", "friend", one)
    vat:message("keep", "c", two)
    vat:deliver { kind = "drop_exports", one, two }
    vat:deliver { kind = "retire_exports", one, two }
    for _, key in ipairs { "a", "b" } do
      vat:message("keep", key, key == "a" and 3 or nil)
      same(rows(reap(vat), "to"), "")
    end
    vat:message("keep", "c", nil)
    same(rows(reap(vat), "to"), "old>none old>none")
  end)

  it("keeps the imports that its state names, and releases them", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", {})
    vat:send(one, "set", "x", { ref("o-5", "Bob"), ref("o-6", "Carol") })
    same(#lone.syscalls(reap(vat), "drop_imports"), 0)
    vat:send(one, "set", "x", ref "o-6")
    same(lone.syscalls(reap(vat), "drop_imports")[1][1], "o-5")
    vat:deliver { kind = "drop_exports", one }
    local outcome = reap(vat)
    same(lone.syscalls(outcome, "drop_imports")[1][1], "o-6", "in the same delivery")
    same(lone.syscalls(outcome, "retire_imports")[1][1], "o-6")
  end)

  it("in a circle of instances stays", function()
    local vat = lone.start(SOURCE)
    vat:message "cycle"
    same(rows(reap(vat), "to"), "")
  end)
end)
