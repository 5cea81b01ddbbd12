--- Images of heaps: a vat goes on from one as if it had never stopped, to the byte.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same = helpers.same

local MAIN = [[
  local count, waiting, kept = 0, nil, {}
  local step = coroutine.wrap(function()
    local sum = 0
    while true do
      sum = sum + coroutine.yield(sum)
    end
  end)
  step()

  return function(vat)
    return Far("Keeper", {
      add = function(self, by)
        count = count + by
        return count, step(by)
      end,
      wait = function(self, promise)
        waiting = "waiting"
        waiting = "got " .. await(promise)
      end,
      waiting = function() return waiting end,
      keep = function(self, object) kept[#kept + 1] = object; kept[object] = #kept end,
      kept = function() return #kept, kept[kept[1] ] end,
      -- what leaves traces of C frames behind in a heap
      pack = function(self, n)
        for i = 1, n do
          kept["p" .. i % 20] = string.pack(">I8z", i, ("x"):rep(i * 37 % 3000))
          kept["c" .. i % 20] = coroutine.wrap(function()
            coroutine.yield(utf8.char(i, 70000 + i))
            error("not reached")
          end)
          kept["c" .. i % 20]()
        end
        return #kept.p1
      end,
      fail = function() local function deep(n) return n == 0 and error("deep") or deep(n - 1) + 1 end deep(30) end,
      loop = function() while true do end end,
      clear = function() kept = {} end,
    })
  end
]]

local function open(options)
  options.main = options.main or MAIN
  local v = test.vat(options)
  if not options.image then
    same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
    v:keep()
  end
  return v
end

local function deliver(v, method, ...)
  local outcome = v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = method, args = { ... },
  }
  same(outcome.fault, nil, method)
  v:keep()
  local last = outcome.syscalls[#outcome.syscalls]
  return last and last[1] and { table.unpack(last[1].values) }
end

--- A history with all that a heap can hold; each step keeps its effect.
local function play(v, from, to)
  for i = from, to do
    if i % 50 == 0 then
      v:deliver { kind = "bring_out_your_dead" }
      v:keep()
    elseif i % 7 == 0 then
      deliver(v, "pack", 5)
    elseif i % 31 == 0 then
      deliver(v, "fail")
    elseif i % 11 == 0 then
      deliver(v, "keep", test.ref(("o-%d"):format(i)))
    elseif i % 97 == 0 then
      deliver(v, "clear")
    else
      deliver(v, "add", i)
    end
  end
end

--- The heap once more, from its image.
local function reopened(v, options)
  options = options or {}
  options.image = v:save()
  v:close()
  return open(options)
end

describe("an image", function()
  it("brings closures, coroutines and waiting turns back", function()
    local v = open { number = 5 }
    deliver(v, "add", 3)
    v:deliver {
      kind = "message", target = "o+0", result = "p-2", method = "wait", args = { test.ref "p-9" },
    }
    v:keep()
    v = reopened(v, { number = 5 })
    same(deliver(v, "add", 4), { 7, 7 })
    same(deliver(v, "waiting"), { "waiting" })
    v:deliver { kind = "notify", { promise = "p-9", state = "fulfilled", values = { "it" } } }
    v:keep()
    same(deliver(v, "waiting"), { "got it" })
    v:close()
  end)

  it("is the heap byte for byte, and the heap goes on alike with and without it", function()
    local straight <close> = open { number = 6 }
    play(straight, 1, 400)
    local want = { straight:heap_hash(), straight:heap_used(), straight:heap_live() }
    straight:close()
    local v = open { number = 6 }
    for from = 1, 400, 40 do
      play(v, from, from + 39)
      local hash = v:heap_hash()
      v:save()
      same(v:heap_hash(), hash, "saving changes nothing")
      v = reopened(v, { number = 6 })
      same(v:heap_hash(), hash, "the heap that was loaded")
    end
    same({ v:heap_hash(), v:heap_used(), v:heap_live() }, want)
    v:close()
  end)

  it("leaves free pages out", function()
    local main = [[
      local kept
      return function()
        return Far("Big", {
          fill = function(self, n) kept = {} for i = 1, n do kept[i] = { i } end end,
          add = function(self, by) return kept and #kept or by end,
        })
      end
    ]]
    local v = open { number = 7, main = main }
    local empty = #v:save()
    deliver(v, "fill", 50000)
    local full = #v:save()
    assert(full > empty + 50000 * 50, full)
    deliver(v, "fill", 10)
    v:deliver { kind = "bring_out_your_dead" }
    v:keep()
    assert(v:heap_used() > full // 2)
    assert(#v:save() < empty * 4, #v:save())
    v = reopened(v, { number = 7, main = main })
    same(deliver(v, "add", 1), { 10 })
    deliver(v, "fill", 30000)
    same(deliver(v, "add", 1), { 30000 })
    v:close()
  end)

  it("has its limits and its way back afterwards", function()
    local v = reopened(open { number = 8, time_limit = 0.02 }, { number = 8, time_limit = 0.02 })
    local hash = v:heap_hash()
    local outcome = v:deliver {
      kind = "message", target = "o+0", result = "p-1", method = "loop", args = {},
    }
    same(outcome.fault, "time")
    same(v:heap_hash(), hash)
    same(deliver(v, "add", 1), { 1, 1 })
    v:close()
  end)

  it("is refused when it is damaged, of another build, or its place is taken", function()
    local v = open { number = 9 }
    deliver(v, "add", 1)
    local image = v:save()
    helpers.says(helpers.raises("a second one", open, { number = 9, image = image }), "is taken")
    v:close()
    for _, bad in ipairs { "", image:sub(1, 100), image:sub(1, -2), image .. "x", ("x"):rep(9000),
      ("\0"):rep(#image) } do
      helpers.says(helpers.raises("a damaged one", open, { number = 9, image = bad }), "is damaged")
    end
    local other = image:sub(1, 8) .. ("\7"):rep(20) .. image:sub(29)
    helpers.says(helpers.raises("of another build", open, { number = 9, image = other }),
      "another build")
    local back <close> = open { number = 9, image = image }
    same(deliver(back, "add", 1), { 2, 2 })
  end)

  it("has the same bytes after the same history in every process", function()
    local script <const> = [[
      local test = require "moonvat.test"
      local v = test.vat { main = %q, number = 3 }
      v:deliver { kind = "start_vat", name = "main", args = { {} } }
      v:keep()
      for i = 1, 120 do
        local method = i %% 7 == 0 and "pack" or i %% 31 == 0 and "fail" or "add"
        v:deliver { kind = i %% 50 == 0 and "bring_out_your_dead" or "message",
          target = "o+0", result = "p-1", method = method, args = { i } }
        v:keep()
      end
      io.write(v:save())
    ]]
    local folder = helpers.folder()
    helpers.write(folder .. "/script.lua", script:format(MAIN))
    local seen
    for _ = 1, 4 do
      local pipe <close> = assert(io.popen("lua5.4 '" .. folder .. "/script.lua'"))
      local image = pipe:read "a"
      assert(#image > 40000, image)
      seen = seen or image
      assert(image == seen, "the images differ")
    end
    helpers.clean()
  end)
end)
