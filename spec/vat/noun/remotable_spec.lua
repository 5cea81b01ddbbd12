--- Objects that come and go as references: one value for one reference, both ways.

local lone = require "spec.support.lone"
local ref = lone.ref

describe("an object", function()
  after_each(lone.clean)

  it("is the same value whenever it comes, and the original at home", function()
    local vat = lone.start [[
      local seen
      local methods = { x = 1 } methods.x = function() return "x" end
      local a, b = Far("Thing", methods), Far("Thing", methods)
      methods.x, methods.y = nil, print
      return Far("Main", {
        make = function() return a, a, b end,
        home = function(self, x, y)
          return x == a, y == b, x == y, rawequal(x, a), x:x(), tostring(x), type(x)
        end,
        see = function(self, x)
          local same = seen == x
          seen = x
          return same, tostring(x), ({ [x] = "key" })[seen]
        end,
        use = function(self, x)
          local ok, call = pcall(function() return x:method() end)
          local _, set = pcall(function() x.field = 1 end)
          local _, far = pcall(function() a.field = 1 end)
          return ok, call, set, far, a.y
        end,
        meta = function(self, x) return getmetatable(x), getmetatable(a), getmetatable(E) end,
      })
    ]]
    local values = vat:call("make").values
    assert.same({ "o+1", "o+1", "o+2" },
      { tostring(values[1]), tostring(values[2]), tostring(values[3]) })
    assert.same({ true, true, false, true, "x", "<Thing>", "userdata", n = 7 },
      vat:call("home", ref "o+1", ref "o+2").values)
    assert.same({ false, "<Bob>", "key", n = 3 }, vat:call("see", ref("o-1", "Bob")).values)
    assert.same({ true, "<Bob>", "key", n = 3 }, vat:call("see", ref("o-1", "Bob")).values)
    local use = vat:call("use", ref("o-1", "Bob")).values
    local advice = "Bob is a reference to another vat: write E(x):method(...)"
    assert.is_false(use[1])
    assert.matches(advice, use[2], 1, true)
    assert.matches(advice, use[3], 1, true)
    assert.matches("Thing cannot be changed", use[4], 1, true)
    assert.is_nil(use[5])
    assert.same({ false, false, false, n = 3 }, vat:call("meta", ref "o-1").values)
  end)

  it("needs a name and functions", function()
    local vat = lone.start [[
      return Far("Main", {
        try = function(self)
          local function try(...) return (select(2, pcall(Far, ...))) end
          return try(), try("X"), try("", {}), try("X", { a = 1 }), try("X", { print })
        end,
      })
    ]]
    local errors = vat:call("try").values
    assert.matches("^Far takes an interface's name and a table of methods", errors[1])
    assert.matches("got string and no value", errors[2])
    assert.matches("1 to 256 bytes", errors[3])
    assert.equal('Far("X"): method a must be a function, got number', errors[4])
    assert.equal('Far("X"): a method\'s name must be a string, got number', errors[5])
  end)

  it("that was retired gets a new name when it leaves again", function()
    local vat = lone.start [[
      local thing = Far("Thing", {})
      return Far("Main", { give = function() return thing end, keep = function(self, x)
        kept = kept or x
        return E(kept):m() end })
    ]]
    assert.equal("o+1", tostring(vat:values "give"))
    vat:deliver { kind = "drop_exports", "o+1" }
    assert.equal("o+1", tostring(vat:values "give"))
    vat:deliver { kind = "retire_exports", "o+1", "o+0" }
    assert.equal("o+2", tostring(vat:values "give"))
    vat:message("keep", ref("o-5", "Bob"))
    vat:deliver { kind = "retire_imports", "o-5" }
    assert.equal("ObjectAbandoned", vat:reason("keep").name)
    assert.is_nil(vat:deliver({ kind = "bring_out_your_dead" }).fault)
  end)
end)
