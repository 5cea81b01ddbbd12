--- Deliveries that run too long, take too much or ask too much: each is undone whole.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- A vat with something to lose in its heap and in both durable tables, and an attack.
local VICTIM = [[
  return function(vat)
    local heap = { count = 0, list = {} }
    local function ruin()
      heap.count = 1000
      heap.list[#heap.list + 1] = "ruined"
      vat.vatstore.key = "ruined"
      vat.vatstore.more = "ruined"
      vat.baggage.key = "ruined"
    end
    vat.vatstore.key = "kept"
    vat.baggage.key = "kept"
    return Far("Victim", {
      ping = function()
        heap.count = heap.count + 1
        return heap.count, #heap.list, vat.vatstore.key, vat.vatstore.more, vat.baggage.key
      end,
      attack = function(self)
        ruin()
        %s
      end,
    })
  end
]]

local WITNESS = [[
  return function()
    local count = 0
    return Far("Witness", { ping = function() count = count + 1; return count end })
  end
]]

local TIME = { "BudgetExceeded", "delivery exceeded its time limit" }
local MEMORY = { "BudgetExceeded", "delivery exceeded its memory limit" }
local INSTRUCTIONS = { "BudgetExceeded", "delivery exceeded its instruction budget" }

local function durable(k)
  return { vatstore = k:vatstore "victim", baggage = k:baggage "victim" }
end

--- Attacks twice, and looks whether anything is left of it.
local function attack(body, options, wanted)
  local k = helpers.kernel {
    vats = {
      victim = { source = VICTIM:format(body), options = options },
      witness = WITNESS,
    },
  }
  same({ helpers.call(k, "victim", "ping") }, { 1, 0, "kept", nil, "kept" }, "before the attack")
  for i = 1, 2 do
    local stores, hash = durable(k), k:heap_hash "victim"
    local reason = helpers.reason(k, "victim", "attack")
    same({ reason.name, reason.message }, wanted, "the reason")
    same(k:heap_hash "victim", hash, "the heap is not as before")
    same(durable(k), stores, "the durable tables are not as before")
    same(helpers.call(k, "witness", "ping"), i, "another vat")
    same({ helpers.call(k, "victim", "ping") }, { i + 1, 0, "kept", nil, "kept" },
      "the next delivery")
    same(helpers.vat(k, "victim").state, "running", "the vat's state")
  end
  helpers.settle(k)
end

--- Attacks where plain Lua may also say no: the vat is unharmed and answers.
local function provoke(body, options)
  local k = helpers.kernel {
    vats = { victim = { source = VICTIM:format(body), options = options }, witness = WITNESS },
  }
  local handle = helpers.send(k, "victim", "attack")
  helpers.run(k)
  same(handle:status(), "rejected", "the attack's result")
  same(type(helpers.call(k, "victim", "ping")), "number", "the next delivery")
  same(helpers.call(k, "witness", "ping"), 1, "another vat")
  local reason = handle:reason()
  helpers.settle(k)
  return reason
end

describe("faults: a delivery that takes too long is undone", function()
  after_each(helpers.clean)

  local ATTACKS = {
    ["an endless loop"] = "while true do end",
    ["an endless loop in pcall, again and again"] = [[
      while true do pcall(function() while true do end end) end
    ]],
    ["an endless loop in nested pcalls"] = [[
      local function deep(n)
        if n == 0 then while true do end end
        pcall(deep, n - 1)
        while true do end
      end
      deep(100)
    ]],
    ["an endless loop in coroutines inside pcall"] = [[
      local function spin() while true do coroutine.yield() end end
      while true do
        pcall(function()
          local co = coroutine.wrap(spin)
          for _ = 1, 1000 do co() end
          coroutine.wrap(function() while true do end end)()
        end)
      end
    ]],
    ["an endless loop in __index"] = [[
      local t = setmetatable({}, { __index = function() while true do end end })
      while true do pcall(function() return t.x end) end
    ]],
    ["endless loops in other metamethods"] = [[
      local mt = { __tostring = function() while true do end end }
      mt.__eq, mt.__lt, mt.__len, mt.__call = mt.__tostring, mt.__tostring, mt.__tostring,
        mt.__tostring
      pcall(tostring, setmetatable({}, mt))
      pcall(function() return #setmetatable({}, mt) end)
    ]],
    ["an endless loop in a sort comparator"] = [[
      pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
    ]],
    ["an endless loop in a gsub callback"] = [[
      pcall(string.gsub, "abc", ".", function() while true do end end)
    ]],
    ["an endless loop in an xpcall handler"] = [[
      xpcall(error, function() while true do end end)
    ]],
    ["endless tail calls"] = [[
      local function f() return f() end
      f()
    ]],
    ["an endless iterator"] = "for _ in function() return 1 end do end",
    ["callbacks that attach callbacks for ever"] = [[
      local function again() return promise.resolve():next(again) end
      await(again())
    ]],
    ["an endless loop in a callback"] = [[
      await(promise.resolve():next(function() while true do end end))
    ]],
    ["a pattern that backtracks"] = [[
      for _ = 1, 1e9 do
        pcall(string.find, ("a"):rep(200), ("a-"):rep(30) .. "b")
      end
    ]],
    ["long library calls in a loop"] = [[
      local text = ("x"):rep(100000)
      while true do pcall(string.rep, text, 3) end
    ]],
  }

  for name, body in pairs(ATTACKS) do
    it(name, function()
      attack(body, { time_limit = 0.03 }, TIME)
    end)
  end

  it("a __close handler cannot be made to loop: there is none", function()
    provoke([[
      local mt = {}
      local t = setmetatable({}, mt)
      mt.__close = function() while true do end end
      local x <close> = t
    ]], { time_limit = 0.5 })
    for _, name in ipairs { "__close", "__gc", "__mode", "__concat" } do
      helpers.says(provoke(("setmetatable({}, { %s = print })"):format(name)), name)
    end
  end)
end)

describe("faults: a delivery that takes too much memory is undone", function()
  after_each(helpers.clean)

  local OPTIONS = { memory_limit = 4 * 1024 * 1024, time_limit = 5 }

  local ATTACKS = {
    ["a growing table"] = "local t = {} while true do t[#t + 1] = {} end",
    ["a growing table in pcall"] = [[
      local t = {}
      while true do pcall(function() while true do t[#t + 1] = { 1 } end end) end
    ]],
    ["a growing table that the heap keeps"] = [[
      while true do heap.list[#heap.list + 1] = #heap.list end
    ]],
    ["a doubling concatenation"] = [[
      local s = "x"
      while true do s = s .. s end
    ]],
    ["a million coroutines"] = [[
      local t = {}
      for i = 1, 1000000 do t[i] = coroutine.create(print) end
    ]],
    ["a long string.rep"] = 'return #("x"):rep(100 * 1024 * 1024)',
    ["a large table.concat"] = [[
      local t = {}
      for i = 1, 100 do t[i] = ("x"):rep(100000) end
      return #table.concat(t)
    ]],
    ["coroutines in coroutines, in pcall"] = [[
      local t = {}
      pcall(function()
        while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield(("x"):rep(100)) end) end
      end)
      while true do t[#t + 1] = {} end
    ]],
    ["promises without end"] = "local t = {} while true do t[#t + 1] = promise() end",
  }

  for name, body in pairs(ATTACKS) do
    it(name, function()
      attack(body, OPTIONS, MEMORY)
    end)
  end

  local PROVOCATIONS = {
    ["string.rep to 2^60"] = 'return ("x"):rep(1 << 60)',
    ["deep recursion"] = "local function f() return 1 + f() end return f()",
    ["deep recursion through pcall"] = "local function f() pcall(f) error 'up' end f()",
    ["deep recursion through metamethods"] = [[
      local mt = {}
      mt.__index = function(t, key) return t[key .. "x"] end
      return setmetatable({}, mt).a
    ]],
    ["deep recursion through gsub"] = [[
      local function f() return (("x"):gsub("x", f)) end
      return f()
    ]],
    ["a huge string.format"] = 'return ("%99999999d"):format(1)',
    ["many formats"] = 'return (("%99s"):rep(1000000)):format("x")',
    ["table.unpack of a huge range"] = "return table.unpack({}, 1, 100000000)",
    ["table.concat of a huge range"] = 'return table.concat({}, "x", 1, 1 << 60)',
    ["a huge string.pack"] = 'return string.pack("!16 i16 s4", 1, ("x"):rep(1 << 25))',
    ["nested coroutines"] = [[
      local function f() return coroutine.wrap(f)() end
      return f()
    ]],
    ["nested brackets in source"] = [[
      assert(load(("("):rep(100000) .. "1" .. (")"):rep(100000)))
    ]],
  }

  for name, body in pairs(PROVOCATIONS) do
    it(name, function()
      provoke(body, { memory_limit = 4 * 1024 * 1024, time_limit = 0.3 })
    end)
  end
end)

describe("faults: the instruction budget", function()
  after_each(helpers.clean)

  it("ends a loop, in pcall too", function()
    local options = { instruction_budget = 20000, time_limit = 5 }
    attack("while true do end", options, INSTRUCTIONS)
    attack("while true do pcall(function() while true do end end) end", options, INSTRUCTIONS)
    attack("coroutine.wrap(function() while true do end end)()", options, INSTRUCTIONS)
  end)

  it("ends the same work at the same place each time", function()
    local k = helpers.kernel {
      vats = {
        main = {
          source = [[
            return function()
              return Far("Main", {
                work = function(self, n)
                  local x = 0
                  for i = 1, n do x = x + i end
                  return x
                end,
              })
            end
          ]],
          options = { instruction_budget = 50000, time_limit = 5 },
        },
      },
    }
    local function works(n)
      local handle = helpers.send(k, "main", "work", n)
      helpers.run(k)
      return handle:status() == "fulfilled"
    end
    local low, high = 0, 100000
    assert(works(low) and not works(high))
    while high - low > 1 do
      local middle = (low + high) // 2
      if works(middle) then
        low = middle
      else
        high = middle
      end
    end
    for _ = 1, 5 do -- the limit is looked at every 100 instructions
      same({ works(low - 100), works(high + 100) }, { true, false }, "around " .. low)
    end
    helpers.settle(k)
  end)
end)

describe("faults: policies", function()
  after_each(helpers.clean)

  local BOB = [[
    return function()
      return Far("Bob", { answer = function() return "answer" end })
    end
  ]]

  local function notified(body, options)
    options = options or {}
    options.time_limit = 0.03
    return helpers.kernel {
      vats = {
        bob = BOB,
        witness = WITNESS,
        main = {
          source = ([[
            return function(vat)
              local kept = 0
              return Far("Main", {
                ping = function() return kept end,
                go = function(self, bob)
                  %s
                end,
              })
            end
          ]]):format(body),
          options = options,
        },
      },
    }
  end

  it("a notify comes again in a form that raises at the await", function()
    local k, logs = notified [[
      local ok, e = pcall(await, E(bob):answer())
      if ok then
        kept = 1
        while true do end
      end
      print(e.name .. ": " .. e.message)
      return "went on", kept
    ]]
    same({ helpers.call(k, "main", "go", k:root "bob") }, { "went on", 0 }, "after the await")
    same(logs.main, { "BudgetExceeded: delivery exceeded its time limit" }, "main's log")
    same(helpers.vat(k, "main").state, "running", "main's state")
    helpers.settle(k)
  end)

  it("a method that does not catch it is rejected with it", function()
    local k = notified [[
      await(E(bob):answer())
      while true do end
    ]]
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, TIME, "the reason")
    same(helpers.call(k, "main", "ping"), 0, "the next delivery")
    helpers.settle(k)
  end)

  it("a callback that runs too long is answered by a rejection of its promise", function()
    local k, logs = notified [[
      local p = E(bob):answer()
      return p:next(function()
        kept = 1
        while true do end
      end)
    ]]
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, TIME, "the reason")
    same(helpers.call(k, "main", "ping"), 0, "the next delivery")
    same(helpers.vat(k, "main").state, "running", "main's state")
    same(logs.main, {}, "main's log")
    helpers.settle(k)
  end)

  it("a second fault of a notify suspends the vat, and no other", function()
    local k = notified [[
      pcall(await, E(bob):answer())
      while true do end
    ]]
    local handle = helpers.send(k, "main", "go", k:root "bob")
    helpers.run(k)
    same(helpers.vat(k, "main").state, "suspended", "main's state")
    helpers.says(helpers.vat(k, "main").fault, "time limit", "its fault says why")
    same(handle:status(), "unresolved", "its result waits")
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
    local parked = helpers.send(k, "main", "ping")
    helpers.run(k)
    same(parked:status(), "unresolved", "messages wait for it")
  end)

  it("on_fault suspend: the vat waits, the others go on", function()
    local k = notified("while true do end", { on_fault = "suspend" })
    helpers.send(k, "main", "go", k:root "bob")
    helpers.run(k)
    same(helpers.vat(k, "main").state, "suspended", "main's state")
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
  end)

  it("on_fault terminate: the vat is gone, its message rejected", function()
    local k = notified("while true do end", { on_fault = "terminate" })
    local reason = helpers.reason(k, "main", "go", k:root "bob")
    same({ reason.name, reason.message }, { "VatTerminated", "vat terminated" }, "the reason")
    helpers.run(k)
    local row = helpers.vat(k, "main")
    assert(not row or row.state == "terminated", "main is " .. helpers.show(row))
    same(helpers.call(k, "witness", "ping"), 1, "another vat")
    helpers.settle(k)
  end)

  it("a build function that runs too long or takes too much fails the launch", function()
    local k = helpers.kernel { launch = false }
    for limit, source in pairs {
      ["time limit"] = "return function() while true do end end",
      ["memory limit"] = "return function() local t = {} while true do t[#t + 1] = {} end end",
    } do
      local config, folder = helpers.config {
        vats = {
          good = WITNESS,
          main = { source = source, options = { time_limit = 0.2, memory_limit = 1 << 22 } },
        },
      }
      local message = helpers.raises("launch", k.launch, k, config, folder)
      helpers.says(message, { "main", limit })
      same(k:vats(), {}, "vats left behind")
      helpers.audit(k)
    end
  end)

  it("what was printed in an undone delivery is shown as undone", function()
    local k, logs = helpers.kernel {
      vats = {
        main = {
          source = [[
            return function()
              return Far("Main", {
                go = function() print "before the loop"; while true do end end,
              })
            end
          ]],
          options = { time_limit = 0.03 },
        },
      },
    }
    helpers.reason(k, "main", "go")
    same(logs.main, {}, "printed for good")
    same(helpers.level(logs, "undone"), { "main: before the loop" }, "undone lines")
    same(#helpers.level(logs, "fault"), 1, "one fault line")
  end)
end)

describe("faults: limits of interface.md", function()
  after_each(helpers.clean)

  -- each call of try says true, or the refusal
  local MAIN = [[
    return function(vat)
      local function try(f, ...)
        local ok, e = pcall(f, ...)
        return ok or e.name .. ": " .. e.message
      end
      local function nested(depth)
        local t = {}
        for _ = 2, depth do t = { t } end
        return t
      end
      return Far("Main", {
        bytes = function(self, bob, n)
          return try(function() E.send_only(bob):take(("x"):rep(n)) end)
        end,
        result = function(self, n) return ("x"):rep(n) end,
        refs = function(self, bob, n)
          local list = {}
          for i = 1, n do list[i] = Far("Thing", {}) end
          return try(function() E.send_only(bob):take(list) end)
        end,
        depth = function(self, bob, n)
          return try(function() E.send_only(bob):take(nested(n)) end)
        end,
        deep_result = function(self, n) return nested(n) end,
        sends = function(self, bob, n)
          local result = true
          for _ = 1, n do
            result = result == true and try(function() E.send_only(bob):take() end) or result
          end
          print(tostring(result))
          vat.exit_with_failure "undone, so that nothing is delivered"
        end,
        key = function(self, store, n)
          return try(function() vat[store][("k"):rep(n)] = "v" end)
        end,
        value = function(self, store, n)
          return try(function() vat[store].value = ("v"):rep(n) end)
        end,
        lines = function(self, n)
          local result = true
          for i = 1, n do result = result == true and try(print, i) or result end
          return result
        end,
        line = function(self, n) return try(print, ("x"):rep(n)) end,
      })
    end
  ]]
  local BOB = [[
    return function()
      return Far("Bob", { take = function() end })
    end
  ]]

  local function kernel()
    return helpers.kernel {
      vats = {
        main = { source = MAIN, options = { memory_limit = 1 << 28, time_limit = 20 } },
        bob = { source = BOB, options = { memory_limit = 1 << 28, time_limit = 20 } },
      },
    }
  end

  local function refused(text, words)
    helpers.says(text, "LimitExceeded")
    helpers.says(text, words)
  end

  it("one message or result: 16 MiB encoded", function()
    local k = kernel()
    local bob = k:root "bob"
    local overhead = 6 -- the array's head and the string's
    local most = 16 * 1024 * 1024 - overhead
    same(helpers.call(k, "main", "bytes", bob, most - 1), true, "one below")
    same(helpers.call(k, "main", "bytes", bob, most), true, "at the limit")
    refused(helpers.call(k, "main", "bytes", bob, most + 1), "16")
    same(#helpers.call(k, "main", "result", most), most, "a result at the limit")
    refused(helpers.reason(k, "main", "result", most + 1).name, "LimitExceeded")
    helpers.says(helpers.raises("k:send", k.send, k, "bob", "take", ("x"):rep(most + 1)), "16")
    same(k:queue(), {}, "nothing was queued")
    helpers.settle(k)
  end)

  it("references in one message: 10,000", function()
    local k = kernel()
    local bob = k:root "bob"
    same(helpers.call(k, "main", "refs", bob, 9999), true, "one below")
    same(helpers.call(k, "main", "refs", bob, 10000), true, "at the limit")
    refused(helpers.call(k, "main", "refs", bob, 10001), { "10", "000", "references" })
    helpers.settle(k)
  end)

  it("depth of a passed table: 200", function()
    local k = kernel()
    local bob = k:root "bob"
    same(helpers.call(k, "main", "depth", bob, 199), true, "one below")
    same(helpers.call(k, "main", "depth", bob, 200), true, "at the limit")
    refused(helpers.call(k, "main", "depth", bob, 201), "200")
    same(type(helpers.call(k, "main", "deep_result", 200)), "table", "a result at the limit")
    refused(helpers.reason(k, "main", "deep_result", 201).name, "LimitExceeded")
    helpers.settle(k)
  end)

  it("sends in one delivery: 100,000", function()
    for n, words in pairs { [99999] = "true", [100000] = "true", [100001] = "100" } do
      local k, logs = kernel()
      local reason = helpers.reason(k, "main", "sends", k:root "bob", n)
      same(reason.name, "VatTerminated", "the delivery is undone")
      local line = helpers.level(logs, "undone")[1]
      helpers.says(line, words, n .. " sends")
      if n > 100000 then
        refused(line, { "100", "000" })
      end
      helpers.clean()
    end
  end)

  it("keys of vatstore and baggage: 1 KiB", function()
    local k = kernel()
    for _, store in ipairs { "vatstore", "baggage" } do
      same(helpers.call(k, "main", "key", store, 1023), true, store .. ": one below")
      same(helpers.call(k, "main", "key", store, 1024), true, store .. ": at the limit")
      refused(helpers.call(k, "main", "key", store, 1025), "key")
      same(#k[store](k, "main"), 2, store .. ": keys stored")
    end
    helpers.settle(k)
  end)

  it("values of vatstore and baggage: 16 MiB", function()
    local k = kernel()
    same(helpers.call(k, "main", "value", "vatstore", (1 << 24) - 1), true, "one below")
    same(helpers.call(k, "main", "value", "vatstore", 1 << 24), true, "at the limit")
    refused(helpers.call(k, "main", "value", "vatstore", (1 << 24) + 1), "16")
    same(#k:vatstore "main"[1].value, 1 << 24, "what is stored")
    refused(helpers.call(k, "main", "value", "baggage", (1 << 24) + 1), "16")
    helpers.settle(k)
  end)

  it("log lines in one delivery: 1,000 of 4 KiB", function()
    local k, logs = kernel()
    same(helpers.call(k, "main", "lines", 999), true, "one below")
    same(helpers.call(k, "main", "lines", 1000), true, "at the limit")
    same(#logs.main, 1999, "lines so far")
    refused(helpers.call(k, "main", "lines", 1001), "1")
    same(#logs.main, 2999, "lines after")
    same(helpers.call(k, "main", "line", 4095), true, "a line: one below")
    same(helpers.call(k, "main", "line", 4096), true, "a line at the limit")
    refused(helpers.call(k, "main", "line", 4097), "4")
    same(#logs.main, 3001, "long lines")
    helpers.settle(k)
  end)

  it("one source module: 128 KiB", function()
    local source = "return function() return Far('Main', {}) end\n--"
    local function launch(size, module)
      local k = helpers.kernel { launch = false }
      local spec = { vats = { main = source } }
      if module then
        spec.vats.main = "require 'other'\n" .. source
        spec.modules = { other = "--" .. ("x"):rep(size - 2) }
      else
        spec.vats.main = source .. ("x"):rep(size - #source)
      end
      return pcall(k.launch, k, helpers.config(spec))
    end
    for _, module in ipairs { false, true } do
      assert(launch(128 * 1024 - 1, module), "one below")
      assert(launch(128 * 1024, module), "at the limit")
      local ok, message = launch(128 * 1024 + 1, module)
      same(ok, false, "one above")
      helpers.says(message, { module and "other" or "main", "128" })
    end
  end)
end)
