--- await, through whatever can yield, and the vat's own coroutines.

local lone = require "spec.support.lone"
local ref = lone.ref

describe("await", function()
  after_each(lone.clean)

  --- A vat with one method, which is given a promise that is then fulfilled with values.
  local function awaited(body, ...)
    local vat = lone.start(("return Far('Main', { go = function(self, p)\n%s\nend })"):format(body))
    local outcome = vat:message("go", ref "p-50")
    assert.is_nil(lone.settlement(outcome, "p-1"))
    outcome = vat:notify("p-50", "fulfilled", ...)
    assert.is_nil(outcome.fault, outcome.reason)
    local settlement = assert(lone.settlement(outcome, "p-1"), "not settled")
    return settlement.state, settlement.values
  end

  it("returns all values, and what is no promise as it is", function()
    local _, values = awaited("return 'first', await(p)", 1, nil, 3, nil)
    assert.same({ "first", 1, nil, 3, nil, n = 5 }, values)
    _, values = awaited "return select('#', await(p)), await(1), (await 'x'), await(nil, 2)"
    assert.same({ 0, 1, "x", nil, 2, n = 5 }, values)
  end)

  it("goes through pcall, metamethods, iterators and xpcall", function()
    local state, values = awaited([[
      local t = setmetatable({}, {
        __index = function(_, k) return k .. await(p) end,
        __add = function() return await(p) end,
        __call = function() return await(p) end,
        __lt = function() return await(p) == "v" end,
        __eq = function() return await(p) == "v" end,
      })
      local list = {}
      list[#list + 1] = select(2, pcall(await, p))
      list[#list + 1] = select(2, pcall(pcall, await, p))
      list[#list + 1] = t.key
      list[#list + 1] = t + 1
      list[#list + 1] = t()
      list[#list + 1] = t < t
      list[#list + 1] = t == setmetatable({}, getmetatable(t))
      for v in function(_, k) return not k and await(p) or nil end do list[#list + 1] = v end
      list[#list + 1] = select(2, xpcall(await, print, p))
      return list
    ]], "v")
    assert.equal("fulfilled", state)
    assert.same({ "v", true, "keyv", "v", "v", true, true, "v", "v" }, values[1])
  end)

  it("raises the reason, where it is awaited", function()
    local vat = lone.start [[
      return Far("Main", { go = function(self, p)
        local ok, e = pcall(await, p)
        print(ok, e.name, tostring(e))
        local ok2, e2 = pcall(function() await(p) end)
        print(ok2, rawequal(e, e2))
        await(p)
      end })
    ]]
    vat:message("go", ref "p-50")
    local outcome = vat:notify("p-50", "rejected", { code = 3 })
    assert.same({ "false\tnil\ttable", "false\ttrue" }, lone.log(outcome))
    assert.same({ code = 3 }, lone.settlement(outcome, "p-1").values[1])
  end)

  it("raises where Lua cannot yield, and says so", function()
    local vat = lone.start [[
      local function try(f, ...) return (select(2, pcall(f, ...))) end
      return Far("Main", {
        go = function(self, p)
          local t = setmetatable({}, { __tostring = function() return await(p) end })
          return {
            try(table.sort, { 1, 2 }, function() return await(p) end),
            try(string.gsub, "x", "x", function() return await(p) end),
            try(tostring, t),
            try(table.sort, { 1, 2 }, coroutine.wrap(function() return await(p) end)),
            select(2, xpcall(error, function() return try(await, p) end)),
          }
        end,
      })
    ]]
    local list = vat:values("go", ref "p-50")
    assert.equal(5, #list)
    for i = 1, 5 do
      assert.matches("await cannot be used here: Lua cannot yield in callbacks of gsub", list[i],
        1, true)
    end
  end)

  it("goes through the vat's coroutines, nested ones too", function()
    local state, values = awaited([[
      local function produce()
        for i = 1, 2 do
          coroutine.yield(i, (await(p)))
          local inner = coroutine.wrap(function(x)
            local got = coroutine.yield(await(p) .. x)
            return got, await(p)
          end)
          coroutine.yield(inner "!", inner "got")
        end
        return "end"
      end
      local list = {}
      for a, b in coroutine.wrap(produce) do
        list[#list + 1] = tostring(a) .. tostring(b)
        if a == "end" then break end
      end
      local co = coroutine.create(function() error(await(p) .. " raised") end)
      list[#list + 1] = select(2, coroutine.resume(co)):gsub("^.-: ", "")
      list[#list + 1] = coroutine.status(co)
      return list
    ]], "v")
    assert.equal("fulfilled", state)
    assert.same({ "1v", "v!got", "2v", "v!got", "endnil", "v raised", "dead" }, values[1])
  end)

  it("is alive after many deliveries, with what it holds", function()
    local vat = lone.start [[
      return Far("Main", {
        sum = function(self, p, ...)
          local list = { p, ... }
          local sum = 0
          for i = 1, #list do sum = sum + await(list[i]) end
          return sum
        end,
        other = function() return {} end,
      })
    ]]
    vat:message("sum", ref "p-9001", ref "p-9002", ref "p-9003")
    local last
    for i = 1, 3 do
      for _ = 1, 500 do vat:message "other" end
      vat:deliver { kind = "bring_out_your_dead" }
      last = vat:notify("p-" .. 9000 + i, "fulfilled", i)
    end
    assert.equal(6, lone.settlement(last, "p-1").values[1])
  end)

  it("of a hundred coroutines at once", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function(self, p)
          local v = await(p)
          return await(promise.resolve(v)) + 1
        end,
      })
    ]]
    for _ = 1, 100 do vat:message("go", ref "p-500") end
    local outcome = vat:notify("p-500", "fulfilled", 1)
    assert.equal(100, #lone.syscalls(outcome, "resolve"))
    for i = 1, 100 do
      assert.equal(2, lone.settlement(outcome, "p-" .. i).values[1])
    end
  end)
end)

describe("the coroutine library", function()
  after_each(lone.clean)

  it("works as Lua's does", function()
    local vat = lone.start [[
      return Far("Main", {
        go = function()
          local co
          co = coroutine.create(function(a, b)
            print(a, b, coroutine.status(co), coroutine.isyieldable(), coroutine.running() == co)
            local c = coroutine.yield(a + b)
            print(c)
            local d, e = coroutine.yield()
            return d + e
          end)
          print(coroutine.status(co), coroutine.resume(co, 1, 2))
          print(coroutine.status(co), coroutine.resume(co, "c"))
          print(coroutine.resume(co, 3, 4))
          print(coroutine.status(co), coroutine.resume(co))
          print(coroutine.resume(coroutine.create(function() error { 1 } end)))
          print(pcall(coroutine.wrap(function() error "text" end)))
          print(select("#", coroutine.resume(coroutine.create(function() return nil, nil end))))
          local gen = coroutine.wrap(function() for i = 1, 2 do coroutine.yield(i) end end)
          print(gen(), gen(), gen(), (pcall(gen)))
          print(coroutine.isyieldable(), select(2, coroutine.running()))
          print(pcall(coroutine.yield, 1))
          print(coroutine.close, coroutine.resume(coroutine.running()))
          local outer = coroutine.running()
          coroutine.wrap(function() print(coroutine.status(outer)) end)()
          print(pcall(coroutine.create, 5))
          print((pcall(coroutine.resume, 5)))
        end,
      })
    ]]
    vat:call "go"
    assert.same({
      "1\t2\trunning\ttrue\ttrue",
      "suspended\ttrue\t3",
      "c",
      "suspended\ttrue",
      "true\t7",
      "dead\tfalse\tcannot resume dead coroutine",
      "false\ttable",
      "false\tmain.lua:17: text",
      "3",
      "1\t2\tnil\tfalse",
      "false\ttrue",
      "false\tattempt to yield from outside a coroutine",
      "nil\tfalse\tcannot resume non-suspended coroutine",
      "normal",
      "false\tbad argument #1 to '?' (function expected, got number)",
      "false",
    }, lone.log(vat.outcome))
  end)

  it("refuses to resume what awaits", function()
    local vat = lone.start [[
      local co, turn
      return Far("Main", {
        go = function(self, p)
          turn = coroutine.running()
          co = coroutine.create(function() return await(p) end)
          return coroutine.resume(co)
        end,
        try = function()
          print(coroutine.status(co), coroutine.resume(co, "forged"))
          print(coroutine.status(turn), coroutine.resume(turn, "forged"))
        end,
        after = function() return coroutine.status(turn), coroutine.running() == turn end,
      })
    ]]
    vat:message("go", ref "p-50")
    vat:message "try"
    assert.same({
      "normal\tfalse\tcannot resume a coroutine that awaits; its promise will",
      "normal\tfalse\tcannot resume a coroutine that awaits; its promise will",
    }, lone.log(vat.outcome))
    assert.same({ true, "v", n = 2 },
      lone.settlement(vat:notify("p-50", "fulfilled", "v"), "p-1").values)
    assert.same({ "dead", false, n = 2 }, vat:call("after").values)
  end)
end)
