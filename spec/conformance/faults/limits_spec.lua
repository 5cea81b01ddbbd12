--- The limits that the manual names: what is refused beyond them, and how it is said.

local helpers = require "spec.support.helpers"

local same = helpers.same

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
