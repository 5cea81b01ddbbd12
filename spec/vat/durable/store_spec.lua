--- vat.vatstore and vat.baggage, and the changes that a delivery reports.

local lone = require "spec.support.lone"
local ref = lone.ref

local function changes(outcome)
  local list = {}
  for i, change in ipairs(outcome.changes) do
    list[i] = ("%s %s %s->%s"):format(change.space, change.key, change.before or "nil",
      change.after or "nil")
  end
  return list
end

-- All rows in memory, or fetched as they are read: nothing that a vat sees differs.
for _, way in ipairs { "bulk", "paged" } do
  local function start(source, options)
    options = options or {}
    options.paged = way == "paged" and { "vatstore", "durable" } or nil
    return lone.start(source, options)
  end

  describe("vat.vatstore, " .. way .. ",", function()
    after_each(lone.clean)

    local SOURCE = [[
      local s = vat.vatstore
      return Far("Main", {
        set = function(self, k, v) s[k] = v end,
        get = function(self, k) return s[k] end,
        keys = function(self)
          local list = {}
          for k, v in pairs(s) do list[#list + 1] = k .. "=" .. v end
          return table.concat(list, " ")
        end,
        range = function(self, prefix)
          local list = {}
          for k in vat.range(s, prefix) do list[#list + 1] = k end
          return table.concat(list, " ")
        end,
        try = function(self, k, v)
          local ok, e = pcall(function() s[k] = v end)
          return ok, tostring(e), type(e) == "table" and e.name
        end,
        big = function(self, n, m)
          local ok, e = pcall(function() s[("k"):rep(n)] = ("v"):rep(m) end)
          return ok, tostring(e), type(e) == "table" and e.name
        end,
        twice = function() s.a = "1" s.a = "2" s.b = "3" s.b = nil s.c = "x" s.c = nil end,
        back = function() local old = s.a; s.a = "other"; s.a = old end,
        sweep = function()
          local seen = {}
          for k in pairs(s) do
            seen[#seen + 1] = k
            s[k] = nil
            s["z" .. k] = "late"
            if #seen > 20 then break end
          end
          return table.concat(seen, " ")
        end,
      })
    ]]

    it("keeps strings, in byte order", function()
      local vat = start(SOURCE, { rows = { { "vatstore", "b", "loaded" } } })
      vat:message("set", "a", "1")
      assert.same({ "vatstore a nil->1" }, changes(vat.outcome))
      vat:message("set", "\xff", "2")
      vat:message("set", "", "3")
      vat:message("set", "a\0b", "4")
      assert.equal("=3 a=1 a\0b=4 b=loaded \xff=2", (vat:values "keys"))
      vat:message("set", "b", nil)
      assert.same({ "vatstore b loaded->nil" }, changes(vat.outcome))
      assert.is_nil((vat:values("get", "b")))
      assert.equal("a a\0b", (vat:values("range", "a")))
      assert.equal("", (vat:values("range", "c")))
    end)

    it("reports the last value, and no change where there is none", function()
      local vat = start(SOURCE, { rows = { { "vatstore", "a", "0" }, { "vatstore", "c", "c" } } })
      vat:message "twice"
      assert.same({ "vatstore a 0->2", "vatstore c c->nil" }, changes(vat.outcome))
      vat:message "back"
      assert.same({}, changes(vat.outcome))
    end)

    it("takes changes while it is iterated", function()
      local vat = start(SOURCE)
      for i = 1, 5 do
        vat:message("set", "k" .. i, "v")
      end
      assert.matches("^k1 k2 k3 k4 k5 zk1 ", (vat:values "sweep"))
    end)

    it("refuses what is no string, and what is too large", function()
      local vat = start(SOURCE)
      local function try(...)
        local ok, text, name = vat:values(...)
        return { ok, (text:gsub("^main.lua:%d+: ", "")), name }
      end
      assert.same({ false, "vatstore: a key must be a string, got number", false }, try("try", 1, "v"))
      assert.same({ false,
        'vatstore["k"]: a value must be a string, got number; vat.baggage takes others', false },
        try("try", "k", 1))
      assert.is_true(try("big", 1024, 10)[1])
      assert.same({ false, "vatstore: a key of 1025 bytes, the limit is 1024 (1 KiB)",
        "LimitExceeded" }, try("big", 1025, 10))
      assert.is_true(try("big", 1, 16 << 20)[1])
      assert.matches("a value of 16777217 bytes, the limit is 16 MiB", try("big", 1, (16 << 20) + 1)[2],
        1, true)
    end)

    it("is undone with the delivery", function()
      local vat = start(SOURCE, { rows = { { "vatstore", "a", "0" } } })
      vat.vat:deliver { kind = "message", target = "o+0", method = "twice", args = {} }
      vat.vat:undo()
      assert.equal("a=0", (vat:values "keys"))
    end)

    it("agrees with a table in Lua, whatever is done", function()
      local vat = start([[
        local s = vat.vatstore
        return Far("Main", {
          play = function(self, seed, n)
            math.randomseed(seed)
            local model = {}
            for k, v in pairs(s) do model[k] = v end
            for i = 1, n do
              local k = ("%x"):format(math.random(0, 3000))
              local v = math.random(3) > 1 and tostring(i) or nil
              s[k], model[k] = v, v
            end
            local keys, at = {}, 0
            for k in pairs(model) do keys[#keys + 1] = k end
            table.sort(keys)
            for k, v in pairs(s) do
              at = at + 1
              if keys[at] ~= k or model[k] ~= v or s[k] ~= v then error("differs at " .. k) end
            end
            if at ~= #keys then error "keys are missing" end
            return at
          end,
          count = function() local n = 0 for _ in pairs(s) do n = n + 1 end return n end,
        })
      ]], { time_limit = 10 })
      local count = 0
      for seed = 1, 12 do
        local outcome = vat.vat:deliver {
          kind = "message", target = "o+0", result = "p-1", method = "play", args = { seed, 5000 } }
        local settled = lone.settlement(outcome, "p-1")
        assert.equal("fulfilled", settled.state)
        for i = 2, #outcome.changes do
          assert(outcome.changes[i - 1].key < outcome.changes[i].key, "changes are in key order")
        end
        if seed % 3 == 0 then
          vat.vat:undo()
        else
          vat.vat:keep()
          count = settled.values[1]
        end
        assert.equal(count, (vat:values "count"))
      end
    end)

    it("changes at most 256 MiB in one delivery: new values, keys and what was there", function()
      local SOURCE_OF_MUCH = [[
        local s = vat.vatstore
        return Far("Main", {
          values = function(self, n, size)
            local long = ("0123456789abcdef"):rep(size // 16)
            for i = 1, n do s["v" .. i] = long end
          end,
          keys = function(self, n)
            local long = ("k"):rep(1000)
            for i = 1, n do s[long .. i] = "" end
          end,
          clear = function() for key in pairs(s) do s[key] = nil end end,
        })
      ]]
      local vat = start(SOURCE_OF_MUCH, { time_limit = 20, memory_limit = 1 << 28 })
      local function fault(method, ...)
        local outcome = vat.vat:deliver { kind = "message", target = "o+0", method = method,
          args = { ... } }
        vat.vat:undo()
        return outcome.fault
      end
      assert.is_nil(fault("values", 15, 16 << 20))
      assert.equal("memory", fault("values", 17, 16 << 20))
      assert.is_nil(fault("keys", 50000))
      assert.equal("memory", fault("keys", 300000))
      vat:message("values", 12, 15 << 20)
      assert.is_nil(vat.outcome.fault)
      assert.is_nil(fault "clear")
      assert.is_nil(fault("values", 8, 1 << 20))
      assert.equal("memory", fault("values", 12, 15 << 20))
    end)

    it("changes at most 1,000,000 keys in one delivery", function()
      local vat = start([[
        return Far("Main", {
          go = function(self, n)
            local s = vat.vatstore
            for i = 1, n do s[i .. ""] = "" end
            local ok, e = pcall(function() s.more = "" end)
            return ok, tostring(e)
          end,
        })
      ]], { time_limit = 20 })
      assert.same({ false, "more than 1000000 keys changed in one delivery, the limit" },
        { vat:values("go", 1000000) })
      assert.equal(1000000, #vat.outcome.changes)
    end)
  end)

  describe("vat.baggage, " .. way .. ",", function()
    after_each(lone.clean)

    local SOURCE = [[
      local b = vat.baggage
      local root
      local far = Far("Ephemeral", {})
      root = Far("Main", {
        set = function(self, k, v) b[k] = v end,
        get = function(self, k) return b[k] end,
        same = function(self, k, x) return b[k] == x end,
        keep = function(self, what)
          b.self = { root = root }
          b.list = { 1, 2 }
          local list = b.list
          list[1] = "changed"
          return b.list[1], b.self.root == root, rawequal(b.list, b.list)
        end,
        try = function(self, k, what)
          local values = {
            far = far, promise = promise(), ["function"] = print, nested = { x = { far } },
          }
          local v = values[what]
          if v == nil then v = what end
          local ok, e = pcall(function() b[k] = v end)
          return ok, tostring(e)
        end,
        keys = function()
          local list = {}
          for k, v in pairs(b) do list[#list + 1] = math.type(k) == "integer" and k or k .. "!" end
          return table.concat(list, " ")
        end,
        range = function(self, prefix)
          local list = {}
          for k in vat.range(b, prefix) do list[#list + 1] = k end
          return table.concat(list, " ")
        end,
      })
      return root
    ]]

    it("keeps passable values, and gives copies", function()
      local vat = start(SOURCE)
      vat:message("set", "x", { a = { 1, 2.5, "t" } })
      assert.same({ a = { 1, 2.5, "t" } }, (vat:values("get", "x")))
      assert.same({ 1, true, false }, { vat:values "keep" })
      vat:message("set", "x", nil)
      assert.is_nil((vat:values("get", "x")))
      assert.is_nil((vat:values("get", "never")))
      vat:message("set", "no", false)
      assert.is_false((vat:values("get", "no")))
    end)

    it("orders integers before strings", function()
      local vat = start(SOURCE)
      for _, key in ipairs { "b", 10, "a", -1, 2, math.maxinteger, math.mininteger, "", 0, 3.0 } do
        vat:message("set", key, true)
      end
      assert.equal(("%d -1 0 2 3 10 %d ! a! b!"):format(math.mininteger, math.maxinteger),
        (vat:values "keys"))
      assert.equal("a", (vat:values("range", "a")))
      assert.equal(" a b", (vat:values("range", "")))
    end)

    it("keeps presences, and says so in the slots", function()
      local vat = start(SOURCE)
      vat:message("set", "bob", { ref("o-5", "Bob"), ref("o-200", "Carol"), ref("o-5", "Bob") })
      local change = vat.outcome.changes[1]
      assert.same({ "durable", "sbob", "\x2d\xc5\x0c" }, { change.space, change.key, change.slots })
      assert.equal("o-5", tostring((vat:values("get", "bob"))[3]))
      vat:message("set", "one", ref("o-5", "Bob"))
      assert.is_true((vat:values("same", "one", ref "o-5")))

      local after = start(SOURCE, {
        number = 2, rows = { { "durable", change.key, change.after, change.slots } } })
      local list = after:values("get", "bob")
      assert.same({ "o-5", "o-200", "Bob" },
        { tostring(list[1]), tostring(list[2]), list[3]:interface() })
    end)

    it("refuses what would not outlive the incarnation, with its path", function()
      local vat = start(SOURCE)
      local function try(k, what)
        local ok, text = vat:values("try", k, what)
        assert.is_false(ok)
        return (text:gsub("^main.lua:%d+: ", ""))
      end
      assert.matches("^baggage.x: an object made by Far ends with this incarnation", try("x", "far"))
      assert.matches("^baggage%[3%]: a promise cannot be stored; await it first", try(3, "promise"))
      assert.matches("^baggage.x.x%[1%]: an object made by Far", try("x", "nested"))
      assert.matches("^baggage.x: a function cannot be stored; keep data", try("x", "function"))
      assert.equal("baggage: a key must be a string or an integer, got a fraction", try(1.5, true))
      assert.equal("baggage: a key must be a string or an integer, got boolean", try(true, true))
      assert.matches("a key of 1025 bytes", try(("x"):rep(1025), true))
      assert.same({}, changes(vat.outcome))
    end)

    it("reads the root only when there is one", function()
      local vat = start(SOURCE)
      vat:message "keep"
      local change = vat.outcome.changes[2]
      assert.equal("sself", change.key)
      local rows = { { "durable", change.key, change.after, change.slots } }
      local late = start("return Far('Main', { go = function() return vat.baggage.self end })",
        { number = 2, rows = rows })
      assert.equal("o+0", tostring(late:values("go").root))
      local early = lone.open {
        number = 3, main = "return function(vat) return vat.baggage.self.root end" }
      if way == "paged" then
        early.vat:page "durable"
      end
      early.vat:load(table.unpack(rows[1]))
      assert.matches("the root cannot be read before the build function has returned it",
        early:deliver({ kind = "start_vat", args = {} }).reason, 1, true)
    end)
  end)
end
