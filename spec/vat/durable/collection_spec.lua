--- vat.map and vat.set: durable collections.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local ref, same, says = lone.ref, helpers.same, helpers.says

local SOURCE <const> = [[
  local map, set = vat.map "accounts", vat.set "owners"
  local make = vat.kind("Thing", {})
  local stores = { map = map, set = set }
  local function text(k)
    return math.type(k) == "integer" and tostring(k) or type(k) == "string" and k .. "!" or tostring(k)
  end
  return Far("Main", {
    put = function(self, which, k, v) stores[which][k] = v end,
    get = function(self, which, k) return stores[which][k] end,
    make = function(self) return make {} end,
    keys = function(self, which)
      local list = {}
      for k in pairs(stores[which]) do list[#list + 1] = text(k) end
      return table.concat(list, " ")
    end,
    entries = function(self, which)
      local list = {}
      for k, v in pairs(stores[which]) do list[#list + 1] = { k, v } end
      return list
    end,
    range = function(self, which, prefix)
      local list = {}
      for k in vat.range(stores[which], prefix) do list[#list + 1] = text(k) end
      return table.concat(list, " ")
    end,
    sweep = function(self)
      local seen = {}
      for k in pairs(map) do
        seen[#seen + 1] = k
        map[k] = nil
        map[k + 1] = nil
        map[k + 100] = true
        if #seen > 20 then break end
      end
      return table.concat(seen, " ")
    end,
    same = function()
      return rawequal(map, vat.map "accounts"), vat.map "other" == map, tostring(map), tostring(set)
    end,
    try = function(self, what)
      local far = Far("Far", {})
      local f = {
        pass = function() E(self):get(map) end,
        store = function() vat.baggage.x = { set } end,
        fraction = function() map[1.5] = true end,
        boolean = function() map[true] = true end,
        far = function() map[far] = 1 end,
        value = function() map.x = { a = { print } } end,
        ["in set"] = function() set.x = 3 end,
        ["false"] = function() set.x = false end,
        taken = function() vat.set "accounts" end,
        name = function() vat.map(7) end,
        long = function() map[("x"):rep(1025)] = 1 end,
        empty = function() vat.map "" end,
      }
      local ok, e = pcall(f[what])
      return ok, tostring(e)
    end,
  })
]]

describe("vat.map", function()
  after_each(lone.clean)

  it("orders integers, strings, then references", function()
    local vat = lone.start(SOURCE)
    local thing = vat:values "make"
    for _, key in ipairs { "b", 10, thing, ref("o-7", "Bob"), "a", -1, ref("o-3", "Ann"), 2, "", 3 } do
      vat:message("put", "map", key == 3 and 3.0 or key, { key })
    end
    same((vat:values("keys", "map")), "-1 2 3 10 ! a! b! <Ann> <Bob> <Thing>")
    same((vat:values("range", "map", "")), "! a! b!")
    same((vat:values("range", "map", "a")), "a!")
    for _, entry in ipairs((vat:values("entries", "map"))) do
      same(tostring(entry[2][1]), tostring(entry[1]))
    end
    same(tostring((vat:values("get", "map", thing))[1]), "o+d1/1")
    vat:message("put", "map", thing, nil)
    same((vat:values("get", "map", thing)), nil)
    same((vat:values("keys", "set")), "")
  end)

  it("takes changes while it is iterated", function()
    local vat = lone.start(SOURCE)
    for i = 1, 6 do
      vat:message("put", "map", i, true)
    end
    same((vat:values "sweep"):match "^1 3 5 101 ", "1 3 5 101 ")
  end)

  it("is one object for one name, apart from others and the baggage", function()
    local vat = lone.start(SOURCE)
    same({ vat:values "same" }, { true, false, 'vat.map("accounts")', 'vat.set("owners")' })
  end)

  it("holds what its keys and values name", function()
    local vat = lone.start(SOURCE)
    vat:message("put", "map", ref("o-5", "Bob"), { ref("o-6", "Carol") })
    same(#lone.syscalls(vat:deliver { kind = "bring_out_your_dead" }, "drop_imports"), 0)
    local entry = vat:values("entries", "map")[1]
    same({ tostring(entry[1]), entry[1]:interface(), tostring(entry[2][1]) }, { "o-5", "Bob", "o-6" })
    vat:message("put", "map", ref "o-5", 7)
    same(lone.syscalls(vat:deliver { kind = "bring_out_your_dead" }, "drop_imports")[1][1], "o-6")
    vat:message("put", "map", ref "o-5", nil)
    same(lone.syscalls(vat:deliver { kind = "bring_out_your_dead" }, "drop_imports")[1][1], "o-5")
    vat:message("put", "map", vat:values "make", true)
    vat:deliver { kind = "drop_exports", "o+d1/1" }
    same(#lone.syscalls(vat:deliver { kind = "bring_out_your_dead" }, "retire_exports"), 0)
    same(tostring(vat:values("entries", "map")[1][1]), "o+d1/1")
  end)

  it("refuses, and says what would be right", function()
    local vat = lone.start(SOURCE)
    local function try(what)
      local ok, text = vat:values("try", what)
      same(ok, false, what)
      return text
    end
    says(try "pass", "args[1]: a durable map or set cannot be passed; pass its values")
    says(try "store", "baggage.x[1]: a durable map or set cannot be passed")
    says(try "fraction", 'vat.map("accounts"): a key must be a string, an integer or a reference, got a fraction')
    says(try "boolean", 'vat.map("accounts"): a key must be a string, an integer or a reference, got boolean')
    says(try "far", "key: an object made by Far ends with this incarnation")
    says(try "value", 'vat.map("accounts").x.a[1]: a function cannot be stored')
    says(try "in set", 'vat.set("owners"): a key is put in with true and taken out with nil, got number')
    says(try "false", 'vat.set("owners"): a key is put in with true and taken out with nil, got false')
    says(try "taken", 'vat.set("accounts"): this name is taken by a map')
    says(try "name", 'vat.map takes a name, vat.map("accounts"), got number')
    says(try "long", 'vat.map("accounts"): a key of 1025 bytes, the limit is 1024 (1 KiB)')
    says(try "empty", "vat.map: a name must have 1 to 1024 bytes")
  end)
end)

describe("vat.set", function()
  after_each(lone.clean)

  it("has keys or not", function()
    local vat = lone.start(SOURCE)
    for _, key in ipairs { "b", 3, ref("o-3", "Ann"), "b" } do
      vat:message("put", "set", key, true)
    end
    same((vat:values("keys", "set")), "3 b! <Ann>")
    same((vat:values("get", "set", ref "o-3")), true)
    same((vat:values("get", "set", "c")), nil)
    vat:message("put", "set", "b", nil)
    same((vat:values("keys", "set")), "3 <Ann>")
  end)
end)

describe("collections", function()
  after_each(helpers.clean)

  for _, transcript in ipairs { true, false } do
    it("survive a restart " .. (transcript and "by replay" or "without a transcript"), function()
      local k = helpers.kernel { db = true, vats = {
        main = { source = "return function(vat)\n" .. SOURCE .. "\nend", options = { transcript = transcript } },
        other = 'return function() return Far("Other", {}) end' } }
      local thing = helpers.call(k, "main", "make")
      helpers.call(k, "main", "put", "map", thing, "thing")
      helpers.call(k, "main", "put", "map", k:root "other", "other")
      helpers.call(k, "main", "put", "set", "x", true)
      k = helpers.reopen(k)
      same(helpers.call(k, "main", "keys", "map"), "<Other> <Thing>")
      same(helpers.call(k, "main", "get", "map", k:root "other"), "other")
      thing = helpers.call(k, "main", "entries", "map")[2][1]
      same(helpers.call(k, "main", "get", "map", thing), "thing")
      same(helpers.call(k, "main", "keys", "set"), "x!")
      helpers.settle(k)
    end)
  end
end)
