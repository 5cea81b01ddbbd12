--- Vats that keep numbers, and what is said of their images: for the specs beside.

local helpers = require "spec.support.helpers"
local kerneltest = require "moonvat.kerneltest"

-- A vat with all that only a heap holds, and durable rows that a replay must see as they were.
local KEEPER = [[
  return function(vat, params)
    local count, waiting = 0, "nothing"
    local step = coroutine.wrap(function()
      local sum = 0
      while true do sum = sum + coroutine.yield(sum) end
    end)
    step()
    return Far("Keeper", {
      add = function(self, by)
        count = count + by
        vat.vatstore["k" .. count % 7] = tostring(count)
        if count % 5 == 0 then vat.vatstore["k" .. count % 3] = nil end
        local seen = {}
        for key, value in pairs(vat.vatstore) do seen[#seen + 1] = key .. value end
        vat.baggage.last = { count, table.concat(seen, " ") }
        vat.baggage["b" .. count % 4] = vat.baggage.last
        return count, step(by), #table.concat(seen)
      end,
      wait = function(self, p) waiting = "waiting"; waiting = "got " .. await(p) end,
      waiting = function() return waiting end,
      pass = function(self, other) return await(E(other):add(1)) + count end,
      deferred = function(self) local p, r = promise(); self.r = nil; resolve = r; return p end,
    })
  end
]]

local function keepers(options, open, names)
  local vats = {}
  for _, name in ipairs(names or { "main" }) do
    vats[name] = { source = KEEPER, options = options }
  end
  return helpers.kernel { db = true, vats = vats, open = open }
end

--- Changes the closed kernel's database by SQL, and opens it again.
local function changed(k, sql, open)
  local db = helpers.db(k)
  helpers.close(k)
  local raw = assert(kerneltest.open(db))
  raw:sql(sql)
  assert(raw:commit(), raw:stopped())
  raw:close()
  return helpers.open(db, open)
end

local function notices(logs)
  return table.concat(helpers.level(logs, "notice"), "\n")
end

local function add(k, n, vat)
  for _ = 1, n do
    helpers.call(k, vat or "main", "add", 1)
  end
end

return { KEEPER = KEEPER, keepers = keepers, changed = changed, notices = notices, add = add }
