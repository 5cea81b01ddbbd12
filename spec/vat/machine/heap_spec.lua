--- A vat's heap: small at first, its own, and the same bytes wherever and whenever it is made.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same = helpers.same

local MAIN <const> = [[
  return function()
    local count, list = 0, {}
    return Far("Main", {
      add = function(self, by)
        count = count + by
        list[{}], list["key" .. count] = ("x"):rep(60) .. count, { count, count + 0.5 }
        print(count, list)
        if count % 7 == 0 then error("no " .. count) end
        return count
      end,
    })
  end
]]

local function open(options)
  options.main = MAIN
  local v = test.vat(options)
  same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

local function add(v, by)
  local outcome = v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = "add", args = { by },
  }
  same(outcome.fault, nil)
  v:keep()
  return outcome.syscalls[1][1].values[1]
end

describe("a heap", function()
  it("takes less than 60 KiB for a vat that does little", function()
    local v <close> = open {}
    assert(v:heap_used() < 60 * 1024, v:heap_used())
    assert(v:heap_live() < 30 * 1024, v:heap_live())
  end)

  it("does not grow by deliveries that keep nothing", function()
    local v <close> = open {}
    for _ = 1, 300 do add(v, 0) end
    local used = v:heap_used()
    for _ = 1, 3000 do
      v:deliver { kind = "message", target = "o+0", result = "p-1", method = "none", args = {} }
      v:keep()
    end
    assert(v:heap_used() <= used + 48 * 1024, v:heap_used() - used)
  end)

  it("is its vat's own, also when two vats have one number", function()
    local first <close> = open { number = 40 }
    local second <close> = open { number = 40 }
    same({ add(first, 1), add(first, 1), add(second, 5) }, { 1, 2, 5 })
    local hash = first:heap_hash()
    add(second, 1)
    same(first:heap_hash(), hash)
  end)

  it("can be had again and again: what a vat took is given back", function()
    for _ = 1, 300 do
      local v <close> = open { number = 77, memory_limit = 1 << 30 }
      same(add(v, 2), 2)
    end
  end)

  it("says so when its memory limit is too small for any vat", function()
    local reason = helpers.raises("a vat of 4 KiB", test.vat, { main = MAIN, memory_limit = 4096 })
    helpers.says(reason, "memory limit")
  end)

  it("has the same bytes after the same deliveries, in every process", function()
    local script <const> = [[
      local test = require "moonvat.test"
      local v = test.vat { main = %q, number = 3 }
      v:deliver { kind = "start_vat", name = "main", args = { {} } }
      v:keep()
      for i = 1, 200 do
        local kind = i %% 50 == 0 and "bring_out_your_dead" or "message"
        v:deliver { kind = kind, target = "o+0", result = "p-1", method = "add", args = { i } }
        v:keep()
      end
      io.write(v:heap_hash(), " ", v:heap_live(), " ", v:heap_used())
    ]]
    local folder = helpers.folder()
    helpers.write(folder .. "/script.lua", script:format(MAIN))
    local seen
    for _ = 1, 4 do
      local pipe <close> = assert(io.popen("lua5.4 '" .. folder .. "/script.lua'"))
      local text = pipe:read "a"
      assert(text:find "^%-?%d+ %d+ %d+$", text)
      seen = seen or text
      same(text, seen)
    end
    helpers.clean()
  end)
end)
