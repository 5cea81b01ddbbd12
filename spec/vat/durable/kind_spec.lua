--- vat.kind: kinds of durable objects, and their state.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local shared = require "spec.vat.durable.shared"
local ref, same, says = lone.ref, helpers.same, helpers.says

local SOURCE <const>, rows = shared.SOURCE, shared.rows

describe("vat.kind", function()
  after_each(lone.clean)

  it("gives instances whose state is durable, field by field", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { balance = 5, name = "x" })
    same({ tostring(one), one:interface() }, { "o+d1/1", "Purse" })
    same(vat:send(one, "deposit", 3) and lone.settlement(vat.outcome, "p-2").values, { 8, n = 1 })
    same(rows(vat.outcome, "to"), "old>new")
    vat:send(one, "set", "nested", { a = { ref("o-5", "Bob"), true }, one })
    vat:send(one, "set", "name", nil)
    vat:send(one, "get", "nested")
    local nested = lone.settlement(vat.outcome, "p-5").values[1]
    same({ tostring(nested.a[1]), nested.a[1]:interface(), tostring(nested[1]) },
      { "o-5", "Bob", "o+d1/1" })
    vat:send(one, "get", "name")
    same(lone.settlement(vat.outcome, "p-6").values, { nil, n = 1 })
    vat:send(one, "get", "balance")
    same(lone.settlement(vat.outcome, "p-7").values, { 8, n = 1 })
    vat:send(one, "list")
    same(lone.settlement(vat.outcome, "p-8").values, { 1, n = 1 })
    same(tostring(vat:values("make", {})), "o+d1/2")
    same(tostring(vat:values("make")), "o+d1/3")
  end)

  it("keeps the fields apart, whatever their order and their references", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", {})
    local want = {}
    local n = 1
    for i, name in ipairs { "m", "a", "z", "k", "b", "m", "zz", "a", "", "k" } do
      want[name] = i % 2 == 1 and "o-" .. i or i
      vat:send(one, "set", name, i % 2 == 1 and { ref("o-" .. i), ref "o-99", ref("o-" .. i) } or i)
      n = n + 1
    end
    for name, value in pairs(want) do
      vat:send(one, "get", name)
      n = n + 1
      local got = lone.settlement(vat.outcome, "p-" .. n).values[1]
      if type(value) == "string" then
        same({ tostring(got[1]), tostring(got[2]), tostring(got[3]) }, { value, "o-99", value }, name)
      else
        same(got, value, name)
      end
    end
  end)

  it("keeps the identity: one value for one instance, self included", function()
    local vat = lone.start(SOURCE)
    vat:message("keep", "one", vat:values("make", { balance = 1 }))
    same({ vat:values("identity", "one") }, { true, true, true, "<Purse>", true, false })
    same({ vat:values("inside", "one") }, { 5, 5 })
    same(tostring((vat:values("get", "one"))), "o+d1/1")
  end)

  it("shows no state outside of its methods, and says where it is", function()
    local vat = lone.start(SOURCE)
    vat:message("keep", "one", vat:values("make", { balance = 1 }))
    local function outside(what)
      local ok, text = vat:values("outside", "one", what)
      same(ok, false)
      return text
    end
    says(outside "read", "Purse has no method balance; its state is seen by its own methods alone, as self.balance")
    says(outside "write", "Purse cannot be changed from outside: its own methods write self.balance")
    says(outside "dot", "deposit is a method of Purse: write x:deposit(...), with a colon")
    local one = vat:values("get", "one")
    local reason = vat:send(one, "balance") and lone.settlement(vat.outcome, "p-7").values[1]
    says(reason.message, { "Purse has no method balance, has: ", "deposit" })
  end)

  it("lets self out as the instance that others see", function()
    local vat = lone.start(SOURCE)
    vat:message("keep", "one", vat:values("make", { balance = 1 }))
    local is_same, text, ok, e = vat:values("give", "one")
    same({ is_same, text, ok }, { true, "<Purse>", false })
    says(e, "Purse has no method balance")
  end)

  it("ends a look at a state that no kernel can have written", function()
    local first, loaded = lone.start(SOURCE), {}
    local function add(outcome)
      for _, change in ipairs(outcome.changes) do
        local body = change.after
        if body and body:find "balance" then -- its one field has no slots: now it has 2^60
          assert(body:byte(-1) == 0)
          body = body:sub(1, -2) .. "\x1b" .. string.pack(">I8", 1 << 60)
        end
        loaded[change.key] = body and { "durable", change.key, body, change.slots }
      end
    end
    add(first.started)
    local one = first:values("make", { balance = 1 })
    add(first.outcome)
    add(first:message("keep", "one", one))
    local list = {}
    for _, row in pairs(loaded) do list[#list + 1] = row end
    local vat = lone.start(SOURCE, { rows = list, incarnation = 1, time_limit = 0 })
    same(vat:values("inside_of", "one", "other"), nil)
    same(vat:values("inside_of", "one", "balance"), 1)
  end)

  it("refuses what cannot be state, with its name", function()
    local vat = lone.start(SOURCE)
    local function try(what)
      local ok, text = vat:values("try_make", what)
      same(ok, what == "none")
      return text
    end
    says(try "number", "Purse: the state must be a plain table, got number")
    says(try "meta", "Purse: the state must be a plain table, got one with a metatable")
    says(try "key", "Purse: a state field's name must be a string, got number")
    says(try "method", "Purse.get is a method, so a state field cannot have this name")
    says(try "value", "Purse.x: a function cannot be stored")
    same(try "none", "<Purse>")
    local one = vat:values("make", {})
    local function bad(method, ...)
      vat:send(one, method, ...)
      return lone.settlement(vat.outcome, "p-" .. vat.results).values[1].message
    end
    says(bad("bad", "far"), "Purse.field[1]: an object made by Far ends with this incarnation")
    says(bad("bad", "promise"), "Purse.field[1]: a promise cannot be stored; await it first")
    says(bad("bad", "function"), "Purse.field[1]: a function cannot be stored")
    says(bad("set", "set", 1), "Purse.set is a method, so a state field cannot have this name")
    says(bad("set", 7, 1), "Purse: a state field's name must be a string, got number")
    says(bad("set", ("x"):rep(1025), 1), "Purse: a state field's name has more than 1024 bytes")
  end)

  it("awaits in methods", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { balance = 1 })
    vat:send(one, "wait", ref "p-50")
    same(lone.settlement(vat.outcome, "p-2"), nil)
    vat:send(one, "deposit", 2)
    vat:notify("p-50", "fulfilled", true)
    same(lone.settlement(vat.outcome, "p-2").values, { 1, 3, n = 2 })
  end)

  it("is undone with its delivery", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { balance = 1 })
    local hash = vat.vat:heap_hash()
    vat.vat:deliver { kind = "message", target = "o+0", method = "make", args = { { balance = 2 } } }
    vat.vat:undo()
    vat.vat:deliver { kind = "message", target = one, method = "deposit", args = { 7 } }
    vat.vat:undo()
    same(vat.vat:heap_hash(), hash)
    vat:send(one, "get", "balance")
    same(lone.settlement(vat.outcome, "p-2").values, { 1, n = 1 })
    same(tostring(vat:values("make", {})), "o+d1/2")
  end)

  it("takes a name once, and says what it takes", function()
    local vat = lone.start(SOURCE)
    local ok, text = vat:values "twice"
    same(ok, false)
    says(text, 'vat.kind("Purse"): this kind is defined already')
    for source, words in pairs {
      ['vat.kind(3, {})'] = 'vat.kind takes a name and a table of methods',
      ['vat.kind("")'] = 'vat.kind takes a name and a table of methods',
      ['vat.kind("", {})'] = 'the name must have 1 to 256 bytes',
      ['vat.kind("A", { 1 })'] = 'vat.kind("A"): a method\'s name must be a string, got number',
      ['vat.kind("A", { x = 1 })'] = 'vat.kind("A"): method x must be a function, got number',
      ['return vat.kind("A", {})()'] = 'the build function must return Far(...), got a durable object',
    } do
      local other = lone.open { number = 2, main = "return function(vat) " .. source .. " end" }
      says(other:deliver({ kind = "start_vat", args = {} }).reason, words)
      other.vat:close()
    end
  end)
end)
