--- Durable rows that are fetched as they are read: what vat code sees does not change, and what
--- stays in memory is bounded.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local pace = require "spec.support.pace"
local same = helpers.same

local SOURCE <const> = [==[
return function(vat)
  local stores = { vatstore = vat.vatstore, baggage = vat.baggage, map = vat.map "m" }
  local make = vat.kind("Purse", {
    deposit = function(self, n) self.balance = self.balance + n return self.balance end,
  })
  local purses = vat.map "purses"
  return Far("Main", {
    put = function(self, which, changes)
      local store = stores[which]
      for _, change in ipairs(changes) do store[change[1]] = change[2] end
    end,
    fail = function(self, which, changes)
      self:put(which, changes)
      while true do end
    end,
    get = function(self, which, k) return stores[which][k] end,
    keys = function(self, which)
      local list = {}
      for k, v in pairs(stores[which]) do
        if type(k) == "string" then list[#list + 1] = k .. "=" .. v end
      end
      return table.concat(list, " ")
    end,
    -- changes while it iterates: takes out what it meets and puts in behind it
    sweep = function(self, which, n)
      local store, seen = stores[which], {}
      for k, v in pairs(store) do
        seen[#seen + 1] = k
        store[k] = nil
        if #seen <= n then store["z" .. k] = "late" end
      end
      return table.concat(seen, " ")
    end,
    range = function(self, which, prefix)
      local list = {}
      for k in vat.range(stores[which], prefix) do list[#list + 1] = k end
      return table.concat(list, " ")
    end,
    make = function(self, first, last)
      for i = first, last do purses[i] = make { balance = i } end
    end,
    use = function(self, first, last)
      for i = first, last do purses[i]:deposit(1) end
    end,
    same = function(self, i) local p = purses[i] return rawequal(p, purses[i]), p:deposit(0) end,
    sum = function(self)
      local sum, count = 0, 0
      for _, purse in pairs(purses) do sum = sum + purse:deposit(0) count = count + 1 end
      return sum, count
    end,
    forget = function(self, first, last)
      for i = first, last do purses[i] = nil end
    end,
  })
end]==]

local function kernel(options, open)
  options = options or {}
  options.time_limit = options.time_limit or 30
  return helpers.kernel { db = true, open = open,
    vats = { main = { source = SOURCE, options = options } } }
end

--- A resident size in MiB.
local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s+(%d+)"
    if kib then
      return tonumber(kib) / 1024
    end
  end
end

describe("a paged table", function()
  after_each(helpers.clean)

  -- the same history by three ways; a table of Lua's says what is right
  for _, way in ipairs { { "vatstore", "bulk" }, { "vatstore", "paged" }, { "baggage" }, { "map" } } do
    for _, commit_every in ipairs { 1, 1000 } do
      it(("shows what is there: %s %s, commits every %d"):format(way[1], way[2] or "", commit_every), function()
        local which = way[1]
        local k = kernel({ vatstore = way[2], time_limit = 0.05, transcript = commit_every == 1 },
          { commit_every = commit_every })
        local model = {}
        local seed = 7
        local function roll(n)
          seed = (seed * 1103515245 + 12345) % 2147483648
          return seed // 65536 % n
        end
        local function expected()
          local list = {}
          for key, value in pairs(model) do
            list[#list + 1] = key .. "=" .. value
          end
          table.sort(list)
          return table.concat(list, " ")
        end
        for round = 1, 60 do
          local changes = {}
          for i = 1, 1 + roll(40) do
            local key = ("%03d"):format(roll(300))
            changes[i] = { key, roll(3) > 0 and tostring(roll(100)) or nil }
          end
          if round % 20 == 0 then
            same(helpers.reason(k, "main", "fail", which, changes).name, "BudgetExceeded")
          else
            k:call("main", "put", which, changes)
            for _, change in ipairs(changes) do
              model[change[1]] = change[2]
            end
          end
          if round % 3 == 0 then
            same(k:call("main", "keys", which), expected(), "round " .. round)
          end
          local key = ("%03d"):format(roll(300))
          same(k:call("main", "get", which, key), model[key])
          if round % 25 == 0 then
            k = helpers.reopen(k, { commit_every = commit_every })
          end
        end
        local tens = {}
        for key in pairs(model) do
          if key:sub(1, 2) == "11" then
            tens[#tens + 1] = key
          end
        end
        table.sort(tens)
        same(k:call("main", "range", which, "11"), table.concat(tens, " "))
        helpers.audit(k)
      end)
    end
  end

  for _, options in ipairs { { vatstore = "bulk" }, { vatstore = "paged" } } do
    it("takes changes while it is iterated: " .. options.vatstore, function()
      local k = kernel(options)
      local changes, want = {}, {}
      for i = 1, 200 do
        changes[i] = { ("%03d"):format(i), "v" }
        want[i] = changes[i][1]
      end
      k:call("main", "put", "vatstore", changes)
      for i = 1, 5 do
        want[200 + i] = "z" .. want[i]
      end
      same(k:call("main", "sweep", "vatstore", 5), table.concat(want, " "))
      same(k:call("main", "keys", "vatstore"), "")
    end)
  end

  it("keeps a hundred thousand instances out of memory", function()
    local k = kernel({ snapshot_interval = 0 }, { commit_every = 20 })
    k:call("main", "make", 1, 1000)
    local before = resident()
    for i = 1, 99 do
      k:call("main", "make", i * 1000 + 1, i * 1000 + 1000)
    end
    for i = 0, 99 do
      k:call("main", "use", i * 1000 + 1, i * 1000 + 1000)
    end
    k:collect_garbage()
    -- a sanitizer keeps what is freed
    assert(pace.slow > 1 or resident() - before < 40, ("%.0f MiB more"):format(resident() - before))
    same({ k:call("main", "sum") }, { 100000 * 100001 // 2 + 100000, 100000 })
    same({ k:call("main", "same", 77777) }, { true, 77778 })
    k:call("main", "forget", 2, 100000)
    k:collect_garbage()
    same({ k:call("main", "sum") }, { 2, 1 })
    helpers.audit(k)
  end)
end)

describe("the rows of a paged table in memory", function()
  after_each(lone.clean)

  local SOURCE_ALONE <const> = [[
    local s = vat.vatstore
    return Far("Main", {
      set = function(self, k, n) s[k] = ("%d "):format(n):rep(20000) end,
      count = function() local n = 0 for _ in pairs(s) do n = n + 1 end return n end,
    })
  ]]

  it("are fetched once while there is room, however often one of them is set", function()
    local vat = lone.start(SOURCE_ALONE, { paged = { "vatstore" } })
    for i = 1, 20 do
      vat:message("set", "k" .. i, i)
    end
    assert.equal(20, (vat:values "count"))
    local fetched = vat.vat:fetched "vatstore"
    for i = 1, 200 do
      vat:message("set", "k7", i)
    end
    assert.equal(20, (vat:values "count"))
    assert.equal(fetched, (vat.vat:fetched "vatstore"))
  end)

  it("are forgotten when they are many, and fetched again", function()
    local vat = lone.start(SOURCE_ALONE, { paged = { "vatstore" } })
    for i = 1, 150 do
      vat:message("set", ("k%03d"):format(i), i)
    end
    assert.equal(150, (vat:values "count"))
    local fetched, scans = vat.vat:fetched "vatstore"
    assert.equal(150, (vat:values "count"))
    local again, more = vat.vat:fetched "vatstore"
    assert.is_true(again - fetched >= 100 and again - fetched <= 200, again - fetched)
    assert.is_true(more - scans <= 150, more - scans)
  end)
end)
