--- Values as bytes: what passes unchanged, what is refused, and how the refusal names it.

local lone = require "spec.support.lone"
local ref = lone.ref

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return rawequal(a, b) and math.type(a) == math.type(b) and 1 / (a == 0 and a or 1) == 1 / (b == 0
      and b or 1) or (a ~= a and b ~= b)
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

describe("what passes", function()
  after_each(lone.clean)

  local ECHO = [[
    return Far("Main", {
      echo = function(self, ...) return ... end,
      copy = function(self, ...) return E(self):echo(...) end,
    })
  ]]

  local VALUES = {
    integers = { 0, 1, -1, 23, 24, 255, 256, 65535, 65536, -24, -25, 1 << 32, math.maxinteger,
      math.mininteger },
    floats = { 0.0, -0.0, 1.0, 3.0, 0.5, 65504.0, 65505.0, 2.0 ^ -14, 2.0 ^ -24, 2.0 ^ -25, 1e100,
      0.1, 3.4028234663852886e38, 5e-324, 0 / 0, 1 / 0, -1 / 0, 2.0 ^ 53, -1.5 },
    strings = { "", "text", "a\0b", "\xff\xfe", "\xc3\xa9", "\xed\xa0\x80", ("x"):rep(70000) },
    constants = { true, false },
    sequences = { {}, { {} }, { 1, { 2, { 3 } } } },
    keys = { { [0] = 1 }, { [-1] = "a", [1] = "b", [3] = "c" }, { [1.5] = 1, [2] = 2, x = 3 },
      { [true] = 1, [false] = 2 }, { [math.mininteger] = 1, [math.maxinteger] = 2 },
      { ["\xff"] = 1, [""] = 2, ["two words"] = 3 }, { 1, 2, [4] = 4 }, { [1e300] = 1, [0.1] = 2 } },
  }

  for _, method in ipairs { "echo", "copy" } do
    it("comes back as it was, by " .. method, function()
      local vat = lone.start(ECHO)
      for name, list in pairs(VALUES) do
        for i, value in ipairs(list) do
          local back = vat:values(method, value)
          assert(same(value, back), ("%s %d: %s came back as %s"):format(name, i, value, back))
        end
      end
      assert.same({ nil, 1, nil, nil, n = 4 }, vat:call(method, nil, 1, nil, nil).values)
      assert.same({ n = 0 }, vat:call(method).values)
    end)
  end

  it("many keys, in whatever order they were put", function()
    local vat = lone.start [[
      return Far("Main", {
        one = function()
          local t = {}
          for i = 1, 1000 do t["k" .. i], t[i * 3], t[i / 7] = i, i, i end
          return t
        end,
        other = function()
          local t = {}
          for i = 1000, 1, -1 do t[i * 3], t[i / 7], t["k" .. i] = 0, 0, 0 end
          for i = 1, 1000 do t["k" .. i], t[i * 3], t[i / 7] = i, i, i end
          return t
        end,
      })
    ]]
    local first = vat:deliver {
      kind = "message", target = "o+0", result = "p-1", method = "one", args = {} }
    local second = vat:deliver {
      kind = "message", target = "o+0", result = "p-1", method = "other", args = {} }
    assert.equal(first.syscall_bytes, second.syscall_bytes)
    assert.equal(5, lone.settlement(first, "p-1").values[1].k5)
  end)

  it("a reference in one slot, however often it occurs", function()
    local vat = lone.start(ECHO .. "")
    local list = {}
    for i = 1, 40 do
      list[i] = ref("o-" .. i % 20 + 1, "X")
    end
    local back = vat:values("echo", list, { deep = { list[3] } })
    for i = 1, 40 do
      assert.equal(list[i], back[i])
    end
  end)

  it("an error value, with all its fields", function()
    local vat = lone.start [[
      return Far("Main", {
        make = function() return Error { name = "Low", message = "too low", have = { 3 } } end,
        see = function(self, e)
          return tostring(e), e.name, e.have[1], getmetatable(e), pcall(setmetatable, e, nil)
        end,
        bare = function() return tostring(Error {}), Error({}).name end,
        bad = function() return pcall(Error, "x"), pcall(Error, { name = 5 }) end,
      })
    ]]
    local e = vat:values "make"
    assert.same({ "too low", "Low", 3 }, { tostring(e), e.name, e.have[1] })
    local values = vat:call("see", e).values
    assert.same({ "too low", "Low", 3, false, false }, { table.unpack(values, 1, 5) })
    assert.same({ "", "Error", n = 2 }, vat:call("bare").values)
    assert.matches("Error: name must be a string, got number", vat:call("bad").values[3])
  end)
end)

describe("what does not pass", function()
  after_each(lone.clean)

  local SOURCE = [[
    local cycle = { a = { b = {} } }
    cycle.a.b[1] = cycle.a
    local deep = {}
    for _ = 1, 10000 do deep = { deep } end
    local shared = {}
    for _ = 1, 60 do shared = { shared, shared } end
    local function nest(n)
      local t = "bottom"
      for _ = 1, n do t = { t } end
      return t
    end
    local VALUES = {
      ["function"] = print, coroutine = coroutine.create(print), meta = setmetatable({}, {}),
      cycle = cycle, deep = deep, key = { [{}] = 1 }, fkey = { [print] = 1 }, api = vat,
      store = { vat.baggage }, E = E, name = { ["two words"] = { [1.5] = { [true] = print } } },
      long = { [("k"):rep(100)] = print }, shared = shared,
      d200 = nest(200), d201 = nest(201),
    }
    return Far("Main", {
      pass = function(self, x, what)
        local ok, e = pcall(function() E.send_only(x):m(0, { VALUES[what] }) end)
        return ok, type(e) == "table" and e.name, tostring(e)
      end,
      refs = function(self, x, n)
        local list = {}
        for i = 1, n do list[i] = Far("X", {}) end
        local ok, e = pcall(function() E.send_only(x):m(list) end)
        return ok, not ok and e.name, tostring(e)
      end,
      depth = function(self, x, n)
        local ok, e = pcall(function() E.send_only(x):m(nest(n)) end)
        return ok, not ok and e.name, tostring(e)
      end,
      size = function(self, x, n)
        local ok, e = pcall(function() E.send_only(x):m(("x"):rep(n)) end)
        return ok, not ok and e.name, tostring(e)
      end,
    })
  ]]

  it("is refused at the call, with its path", function()
    local vat = lone.start(SOURCE)
    local function refusal(what)
      local ok, _, text = vat:values("pass", ref "o-1", what)
      assert.is_false(ok)
      return (text:gsub("^main.lua:%d+: ", ""))
    end
    assert.equal("args[2][1]: a function cannot be passed; wrap it in Far", refusal "function")
    assert.equal("args[2][1]: a coroutine cannot be passed", refusal "coroutine")
    assert.equal("args[2][1]: a table with a metatable cannot be passed", refusal "meta")
    assert.equal("args[2][1].a.b[1]: a cyclic table cannot be passed", refusal "cycle")
    assert.equal("args[2][1]: a key of type table cannot be passed; keys are strings, numbers and "
      .. "booleans", refusal "key")
    assert.matches("a key of type function", refusal "fkey")
    assert.equal("args[2][1]: a value of type vat cannot be passed", refusal "api")
    assert.equal("args[2][1][1]: a value of type baggage cannot be passed", refusal "store")
    assert.equal("args[2][1]: a value of type E cannot be passed", refusal "E")
    assert.equal('args[2][1]["two words"][1.5][true]: a function cannot be passed; wrap it in Far',
      refusal "name")
    assert.equal("args[2][1]." .. ("k"):rep(40) .. "...: a function cannot be passed; wrap it in Far",
      refusal "long")
    assert.matches("args%[2%]%[1%].*%.%.%.: tables nested deeper than 200, the limit",
      refusal "deep")
  end)

  it("is read as deep as it is written, and no deeper", function()
    for _, case in ipairs {
      { "", "\x81", "" }, { "", "\xa1\x01", "" }, { "\x81", "\xd9\xd9\xfa\xa1\x01", "" },
    } do
      for depth = 199, 202 do
        local tables = depth - #case[1]
        local body = "\x81" .. case[1] .. case[2]:rep(tables) .. "\x00"
        local vat = lone.start [[return Far("Main", { pass = function(self, x) return x end })]]
        local delivery = "\1" .. ("\0"):rep(8) .. "\1\14\4pass" .. string.char(#body % 128 + 128, #body // 128)
          .. body .. "\0"
        local outcome = vat:deliver(delivery)
        assert.equal(depth > 200 and "malformed value" or nil, outcome.reason)
        assert.equal(depth <= 200 and "fulfilled" or nil, (lone.settlement(outcome, "p-1") or {}).state)
      end
    end
  end)

  it("is limited in depth, references and size", function()
    local vat = lone.start(SOURCE, { memory_limit = 256 << 20 })
    local function limit(method, ok, n, text)
      local values = vat:call(method, ref "o-1", n).values
      assert.equal(ok, values[1], method .. " " .. n)
      if not ok then
        assert.equal("LimitExceeded", values[2])
        assert.matches(text, values[3], 1, true)
      end
    end
    limit("depth", true, 199)
    limit("depth", true, 200)
    limit("depth", false, 201, "tables nested deeper than 200, the limit")
    limit("refs", true, 10000)
    limit("refs", false, 10001, "args: more than 10000 references, the limit")
    limit("size", true, (16 << 20) - 6)
    limit("size", false, (16 << 20) - 5, "args: more than 16 MiB encoded, the limit")
    limit("size", false, 40 << 20, "args: more than 16 MiB encoded, the limit")
  end)

  it("as a table that shares parts without end, is cut off by its size", function()
    local vat = lone.start(SOURCE, { time_limit = 10 })
    local ok, name = vat:values("pass", ref "o-1", "shared")
    assert.same({ false, "LimitExceeded" }, { ok, name })
  end)
end)
