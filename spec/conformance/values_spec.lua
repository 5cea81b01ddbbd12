--- What can be passed, what arrives, and what is refused with which words.

local helpers = require "spec.support.helpers"

local same = helpers.same

local ECHO = [[
  return function()
    return Far("Echo", {
      echo = function(self, ...) return ... end,
      count = function(self, ...) return select("#", ...) end,
    })
  end
]]

-- main relays the host's values to echo and gives back what echo answers.
local RELAY = [[
  return function()
    return Far("Relay", {
      relay = function(self, echo, ...) return await(E(echo):echo(...)) end,
      count = function(self, echo, ...) return await(E(echo):count(...)) end,
    })
  end
]]

local function relay(k, ...)
  return helpers.call(k, "main", "relay", k:root "echo", ...)
end

describe("values: round trips through host, vat, vat and back", function()
  local k
  before_each(function()
    k = helpers.kernel { vats = { main = RELAY, echo = ECHO } }
  end)
  after_each(helpers.clean)

  local nan = 0.0 / 0.0
  local CASES = {
    nothing = table.pack(),
    ["nil alone"] = table.pack(nil),
    ["nils in the middle and at the end"] = table.pack(1, nil, "x", nil, nil),
    booleans = table.pack(true, false),
    integers = table.pack(0, -1, 23, 24, 255, 256, 65535, 65536, 1 << 32, math.maxinteger,
      math.mininteger),
    ["3 and 3.0"] = table.pack(3, 3.0, { 3, 3.0 }),
    floats = table.pack(0.0, -0.0, 0.1, 1.5, 1e300, 5e-324, -2.5, 1 / 3, 2.0 ^ 53, 2.0 ^ 63),
    ["not a number and infinities"] = table.pack(nan, math.huge, -math.huge, { nan, -0.0 }),
    strings = table.pack("", "plain", "grüße, 世界", "\0", "a\0b", "\xff\xfe", "\xc0\x80",
      "\xed\xa0\x80", "\xf4\x90\x80\x80", ("x"):rep(70000)),
    lists = table.pack({}, { 1, 2, 3 }, { { {} }, { { "deep" } } }, { false, "x", { 0.5 } }),
    ["tables with all kinds of keys"] = table.pack({
      [1] = "one", [3] = "hole before", [-1] = "negative", [0] = "zero", [2.5] = "float",
      x = "string", [""] = "empty", ["\xff"] = "bytes", [true] = "yes", [false] = "no",
      [math.mininteger] = "least", [math.huge] = "huge",
    }),
    ["a hole at the start"] = table.pack({ [2] = "b", [3] = "c" }),
    ["strings that look like numbers, as keys"] = table.pack({ ["1"] = "a", [1] = "b" }),
    ["the same table twice is two copies"] = (function()
      local t = { 1 }
      return table.pack({ t, t })
    end)(),
    ["20 results"] = table.pack(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
      20),
  }

  for name, values in pairs(CASES) do
    it(name, function()
      local got = table.pack(relay(k, table.unpack(values, 1, values.n)))
      same(got, values, name)
      same(helpers.call(k, "main", "count", k:root "echo", table.unpack(values, 1, values.n)),
        values.n, name .. ": how many arrive")
      helpers.settle(k)
    end)
  end

  it("a string of 10 MB", function()
    local text = ("0123456789abcdef"):rep(10 * 65536)
    local got = relay(k, text, 1)
    assert(got == text, "the string came back changed: " .. #tostring(got) .. " bytes")
    helpers.settle(k)
  end)

  it("errors keep their fields, and are their message as text", function()
    local k2 = helpers.kernel {
      vats = {
        main = [[
          return function()
            return Far("Main", {
              give = function()
                return Error { name = "Low", message = "too low", have = 3, { 1 } }, "after"
              end,
              raise = function(self, what)
                if what == "error" then
                  error(Error { name = "Low", message = "too low", have = 3 })
                elseif what == "string" then
                  error "just text"
                elseif what == "table" then
                  error { code = 7 }
                elseif what == "number" then
                  error(42)
                elseif what == "nil" then
                  error()
                elseif what == "index" then
                  local nothing
                  return nothing.field
                else
                  error(function() end)
                end
              end,
            })
          end
        ]],
      },
    }
    local value, after = helpers.call(k2, "main", "give")
    same({ value.name, value.message, value.have, value[1], tostring(value) },
      { "Low", "too low", 3, { 1 }, "too low" }, "an error as a value")
    same(after, "after", "what follows it")
    local reason = helpers.reason(k2, "main", "raise", "error")
    same({ reason.name, reason.message, reason.have, tostring(reason) },
      { "Low", "too low", 3, "too low" }, "an error raised")
    reason = helpers.reason(k2, "main", "raise", "string")
    same({ reason.name, reason.message, tostring(reason) },
      { "Error", "just text", "just text" }, "a string raised: the position is stripped")
    same(helpers.reason(k2, "main", "raise", "table"), { code = 7 }, "a table raised")
    same(helpers.reason(k2, "main", "raise", "number"), 42, "a number raised")
    reason = helpers.reason(k2, "main", "raise", "index")
    same(reason.name, "Error", "a Lua error")
    helpers.says(reason.message, "attempt to index a nil value (local 'nothing')")
    assert(not reason.message:find(":%d+:"), "its position is stripped: " .. reason.message)
    reason = helpers.reason(k2, "main", "raise", "function")
    helpers.says(reason.message, "cannot be passed")
    local ok, raised = pcall(k2.call, k2, "main", "raise", "error")
    same({ ok, raised.name, tostring(raised) }, { false, "Low", "too low" }, "k:call raises it")
    helpers.settle(k2)
  end)
end)

describe("values: what cannot be passed is refused at the call, with its path", function()
  after_each(helpers.clean)

  local SOURCE = [[
    return function()
      local function try(f, ...)
        local ok, e = pcall(f, ...)
        return ok, tostring(e)
      end
      local cycle = {}
      cycle.inner = { cycle }
      local deep = {}
      for _ = 1, 10000 do deep = { deep } end
      local VALUES = {
        callback = { 1, { callback = print } },
        ["function"] = function() end,
        coroutine = { list = { 1, 2, coroutine.create(print) } },
        metatable = { x = { y = setmetatable({}, {}) } },
        cycle = cycle,
        deep = deep,
        key = { [{}] = 1 },
      }
      return Far("Main", {
        send = function(self, echo, what)
          if what == "callback" then
            return try(function() E(echo):echo(1, { callback = print }) end)
          end
          return try(function() E(echo):echo("first", VALUES[what]) end)
        end,
        result = function(self, what) return "fine", VALUES[what] end,
        resolve = function(self, what)
          local p, resolve = promise()
          local ok, e = pcall(resolve, VALUES[what])
          return ok and p or tostring(e)
        end,
      })
    end
  ]]

  local CASES = {
    { "callback", "args[2].callback: a function cannot be passed; wrap it in Far" },
    { "function", "args[2]: a function cannot be passed; wrap it in Far" },
    { "coroutine", "args[2].list[3]: ", "coroutine" },
    { "metatable", "args[2].x.y: ", "metatable" },
    { "cycle", "args[2].inner[1]", "cycl" },
    { "deep", "200" },
    { "key", "args[2]", "key" },
  }

  for _, case in ipairs(CASES) do
    it(case[1], function()
      local k, logs = helpers.kernel { vats = { main = SOURCE, echo = ECHO } }
      local ok, message = helpers.call(k, "main", "send", k:root "echo", case[1])
      same(ok, false, "the send of a " .. case[1])
      helpers.says(message, { table.unpack(case, 2) }, "the send of a " .. case[1])
      same(helpers.call(k, "main", "send", k:root "echo", "nothing"), true, "the next send works")
      local reason = helpers.reason(k, "main", "result", case[1])
      helpers.says(reason, case[#case]:match ": (.*)" or case[#case],
        "a " .. case[1] .. " as a result rejects it")
      same(helpers.level(logs, "notice"), {}, "nothing else is noticed")
      helpers.settle(k)
    end)
  end

  it("by the host too", function()
    local k = helpers.kernel { vats = { main = SOURCE, echo = ECHO } }
    local function refused(words, ...)
      helpers.says(helpers.raises("k:send", k.send, k, "echo", "echo", ...), words)
    end
    refused("args[2].callback: a function cannot be passed", 1, { callback = print })
    refused("args[1]: ", coroutine.create(print))
    refused("args[1][1].x: ", { { x = io.stdout } })
    refused("args[1]: ", setmetatable({}, {}))
    local cycle = {}
    cycle.me = cycle
    refused("args[1].me", cycle)
    local deep = {}
    for _ = 1, 10000 do
      deep = { deep }
    end
    refused("200", deep)
    same(k:queue(), {}, "nothing was queued")
    same(helpers.call(k, "echo", "echo", "works"), "works", "and the kernel goes on")
    helpers.settle(k)
  end)
end)

describe("values: identity", function()
  after_each(helpers.clean)

  local MAKER = [[
    return function()
      local methods = { id = function(self) return "thing" end }
      local first = Far("Thing", methods)
      return Far("Maker", {
        pair = function() return first, first, Far("Thing", methods), Far("Thing", methods) end,
        again = function() return { first } end,
        is_first = function(self, x) return x == first, rawequal(x, first), tostring(x) end,
        direct = function(self, x) return x:id() end,
        key = function(self, x) return ({ [first] = "found" })[x] end,
      })
    end
  ]]

  it("the same object is the same presence, sent home it is the original", function()
    local k, logs = helpers.kernel {
      vats = {
        maker = MAKER,
        main = [[
          return function()
            return Far("Main", {
              go = function(self, maker)
                local a, b, c, other = await(E(maker):pair())
                print("same", a == b, rawequal(a, b))
                print("different", a == c, c == other)
                local names = { [a] = "a" }
                local list = await(E(maker):again())
                local d = list[1]
                print("as a key", names[b], names[c], names[d])
                print("text", tostring(a), type(a))
                print("home", await(E(maker):is_first(a)))
                print("not the first", (await(E(maker):is_first(c))))
                print("called at home", await(E(maker):direct(a)))
                print("key at home", await(E(maker):key(b)))
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "maker")
    same(logs.main, {
      "same\ttrue\ttrue",
      "different\tfalse\tfalse",
      "as a key\ta\tnil\ta",
      "text\t<Thing>\tuserdata",
      "home\ttrue\ttrue\t<Thing>",
      "not the first\tfalse",
      "called at home\tthing",
      "key at home\tfound",
    }, "main's log")
    helpers.settle(k)
  end)

  it("two vats meet the same object of a third", function()
    local k = helpers.kernel {
      vats = {
        maker = MAKER,
        bob = [[
          return function()
            return Far("Bob", {
              compare = function(self, maker, x)
                return await(E(maker):again())[1] == x
              end,
            })
          end
        ]],
        main = [[
          return function()
            return Far("Main", {
              go = function(self, maker, bob)
                local a = await(E(maker):pair())
                return await(E(bob):compare(maker, a))
              end,
            })
          end
        ]],
      },
    }
    same(helpers.call(k, "main", "go", k:root "maker", k:root "bob"), true, "one object")
    local a, b, c = helpers.call(k, "maker", "pair")
    same(tostring(a), tostring(b), "the host sees one kref")
    assert(tostring(a) ~= tostring(c), "two Fars are two krefs")
    helpers.says(tostring(a), "ko")
    helpers.settle(k)
  end)

  it("a promise that arrives twice is the same promise while it is unresolved", function()
    local k = helpers.kernel {
      vats = {
        bob = [[
          return function()
            local seen
            return Far("Bob", {
              see = function(self, list)
                local p = seen
                seen = list[1]
                return p == nil or p == seen
              end,
              home = function(self, list) return { list[1] } end,
            })
          end
        ]],
        main = [[
          return function()
            return Far("Main", {
              go = function(self, bob)
                local p, resolve = promise()
                await(E(bob):see { p })
                local twice = await(E(bob):see { p })
                local home = await(E(bob):home { p })[1]
                resolve()
                return twice, home == p
              end,
            })
          end
        ]],
      },
    }
    same({ helpers.call(k, "main", "go", k:root "bob") }, { true, true }, "twice, and sent home")
    helpers.settle(k)
  end)
end)

describe("values: misuse is answered with advice", function()
  after_each(helpers.clean)

  it("in a vat", function()
    local k, logs = helpers.kernel {
      vats = {
        counter = [[
          return function()
            return Far("Counter", { increment = function() return 1 end, reset = print })
          end
        ]],
        main = [[
          return function()
            local function try(name, f)
              local ok, e = pcall(f)
              print(name .. ": " .. tostring(ok) .. " " .. tostring(e))
            end
            return Far("Main", {
              go = function(self, x)
                try("method", function() return x:increment() end)
                try("field", function() return x.count end)
                try("assign", function() x.count = 1 end)
                try("dot", function() return E(x).increment(5) end)
                try("nil", function() return E(nil) end)
                for _, target in ipairs { "data", 5, true, { {} } } do
                  try("data", function() return await(E(target):increment()) end)
                end
                try("unknown", function() return await(E(x):incr()) end)
                try("right", function() return await(E(x):increment()) end)
                try("local", function() return await(E(self):nope()) end)
                try("Far", function() return Far({}) end)
                try("await", function() return (await "plain") end)
                try("tostring", function() return tostring(x) end)
              end,
            })
          end
        ]],
      },
    }
    helpers.call(k, "main", "go", k:root "counter")
    local advice = "false Counter is a reference to another vat: write E(x):method(...)"
    local said = {}
    for _, line in ipairs(logs.main) do
      local name, text = line:match "^(%w+): (.*)$"
      said[name] = said[name] or {}
      table.insert(said[name], (text:gsub("[%w_.]+lua:%d+: ", "")))
    end
    local nothing = "false data is not callable, has no method increment"
    same(said.method, { advice }, "x:method()")
    same(said.field, { advice }, "x.field")
    same(said.data, { nothing, nothing, nothing, nothing }, "E(data):m()")
    same(said.unknown, { "false Counter has no method incr, has: increment, reset" },
      "unknown method")
    same(said.right, { "true 1" }, "the right way")
    same(said["local"], { "false Main has no method nope, has: go" }, "unknown local method")
    same(said.await, { "true plain" }, "await of a value")
    helpers.says(said.assign[1], "false ")
    helpers.says(said.dot[1], { "false ", "E(x):increment(" }, "E(x).method(...)")
    helpers.says(said["nil"][1], { "false ", "nil" }, "E(nil)")
    helpers.says(said.Far[1], { "false ", "Far" }, "Far({})")
    helpers.settle(k)
  end)

  it("an unknown method and a call of data reject with their names", function()
    local k = helpers.kernel {
      vats = {
        main = [[
          return function()
            return Far("Counter", {
              increment = function() return 5 end,
              data = function() return { 1 } end,
            })
          end
        ]],
      },
    }
    local reason = helpers.reason(k, "main", "incr")
    same({ reason.name, reason.message },
      { "NoSuchMethod", "Counter has no method incr, has: data, increment" }, "unknown method")
    local data = helpers.send(k, "main", "data")
    reason = helpers.reason(k, data, "increment")
    same({ reason.name, reason.message },
      { "NotCallable", "data is not callable, has no method increment" }, "a call of data")
    for _, name in ipairs { "__index", "__gc", "", "constructor", "a b", "\0" } do
      same(helpers.reason(k, "main", name).name, "NoSuchMethod", "method " .. name)
    end
    helpers.settle(k)
  end)
end)
