--- Rows of the past: a vat that is brought back reads its durable tables as they were then.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- Each step reads what the step before wrote, and writes, adds and deletes.
local WALKER <const> = [[
  return function(vat)
    local steps = 0
    return Far("Walker", {
      step = function(self)
        steps = steps + 1
        local store, baggage = vat.vatstore, vat.baggage
        local before = baggage.last
        baggage.last = steps
        store["k" .. steps] = tostring(before)
        store["k" .. steps - 3] = nil
        local names = {}
        for name, value in pairs(store) do names[#names + 1] = name .. "=" .. value end
        return before, table.concat(names, " ")
      end,
    })
  end
]]

--- A kernel with a walker that has taken so many steps, and what the last one said.
local function walked(steps, options)
  local k = helpers.kernel { db = true, vats = { walker = { source = WALKER, options = options } } }
  local values
  for _ = 1, steps do
    local handle = k:send("walker", "step")
    helpers.run(k)
    values = handle:values()
    handle:release()
  end
  return k, values
end

describe("rows of the past", function()
  after_each(helpers.clean)

  for name, options in pairs {
    ["its bundle"] = { snapshot_interval = 1000 }, ["an image"] = { snapshot_interval = 4 },
    ["an image, with rows on disk"] = { snapshot_interval = 4, vatstore = "paged" },
  } do
    it("are what a replay from " .. name .. " reads, though they changed since", function()
      local _, want = walked(11, options)
      for _, steps in ipairs { 5, 7, 10 } do
        local k = walked(steps, options)
        k = helpers.reopen(k)
        local values
        for _ = steps + 1, 11 do
          local handle = k:send("walker", "step")
          helpers.run(k)
          values = handle:values()
          handle:release()
        end
        same(values, want, "after a restart at step " .. steps)
        same(k:vats()[1].state, "running", "the vat")
      end
    end)
  end
end)
