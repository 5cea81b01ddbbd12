--- What passed through a kernel and is gone takes no memory: neither after a collection that was
--- asked for, nor, by and by, without one. Measured by what kernel and vats count themselves.

local helpers = require "spec.support.helpers"

local MAKER <const> = [[
  return function()
    return Far("Maker", {
      make = function(self, n)
        local list = {}
        for i = 1, n do list[i] = Far("Thing", { touch = function() end }) end
        return list
      end,
    })
  end
]]

local USER <const> = [[
  return function()
    return Far("User", {
      use = function(self, maker, n)
        for _, x in ipairs(await(E(maker):make(n))) do E.send_only(x):touch() end
      end,
      promises = function(self, other, n)
        local last
        for i = 1, n do
          local p, resolve = promise()
          last = E(other):echo(p)
          resolve(i)
        end
        return await(last)
      end,
      echo = function(self, p) return await(p) end,
    })
  end
]]

local function open(transcript)
  local options = { transcript = transcript }
  return helpers.kernel {
    db = true, open = { commit_every = 1000 },
    vats = {
      maker = { source = MAKER, options = options },
      user = { source = USER, options = options },
      other = { source = USER, options = options },
    },
  }
end

local function use(k, count)
  for _ = 1, count // 1000 do k:call("user", "use", k:root "maker", 1000) end
end

local function memory(k)
  return k:stats().memory_bytes
end

--- The memory at the end of what work does to a new kernel, and the most on the way.
local function measure(work, transcript)
  local k = open(transcript or false)
  local most = work(k)
  k:collect_garbage()
  local size = memory(k)
  helpers.audit(k)
  helpers.close(k)
  return size, most
end

local function assert_flat(small, large)
  assert(large <= small * 1.1, ("%d bytes after little, %d after much"):format(small, large))
end

describe("memory", function()
  after_each(helpers.clean)

  it("is the same after many objects as after some", function()
    local some = measure(function(k) use(k, 1000) end)
    local many, most = measure(function(k)
      use(k, 9000)
      local most = memory(k)
      use(k, 1000)
      return most
    end)
    assert(most > 2 * many, "the counters do not see what is in use")
    assert_flat(some, many)
  end)

  it("is the same where images of heaps were saved", function()
    local some = measure(function(k) k:call("user", "use", k:root "maker", 100) end, true)
    local many, most = measure(function(k)
      use(k, 3000)
      return memory(k)
    end, true)
    assert(most > 2 * many, "the counters do not see what is in use")
    assert_flat(some, many)
  end)

  it("is the same after many promises as after some", function()
    local some = measure(function(k) k:call("user", "promises", k:root "other", 200) end)
    local many = measure(function(k) k:call("user", "promises", k:root "other", 5000) end)
    assert_flat(some, many)
  end)

  it("is the same after a long queue as after a short one", function()
    local function ask(k, count)
      for i = 1, count do k:send("other", "echo", i):release() end
    end
    local short = measure(function(k) ask(k, 100) end)
    local long, most = measure(function(k)
      ask(k, 20000)
      return memory(k)
    end)
    assert(most > 2 * long, "the counters do not see what is in use")
    assert_flat(short, long)
  end)

  it("comes back by itself when much was done and nothing is to be done", function()
    local k = open(false)
    k:call("user", "use", k:root "maker", 4000)
    local most = memory(k)
    k:run()
    assert(memory(k) > most / 2, "it came back after little")
    use(k, 1000)
    k:call("user", "promises", k:root "other", 2000)
    k:run()
    assert(memory(k) < most / 2, ("%d bytes, and %d before"):format(memory(k), most))
    helpers.audit(k)
  end)
end)
