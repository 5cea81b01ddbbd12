--- Makes vats, has them grow, renews them, and ends them: one job after the other.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  local in_line = common.line(function(reason)
    baggage.bad = (baggage.bad or "") .. " " .. reason
  end)

  return common.far(vat, "Nursery", {
    birth = function(_, op, slot)
      in_line(function()
        if not baggage["slot" .. slot] then
          baggage["slot" .. slot] = await(E(common.known(vat, "admin")):create_vat("child", {
            name = "child" .. op, parameters = { purse = common.known(vat, "purse") },
            options = { snapshot_interval = 5 },
          }))
        end
      end)
    end,
    grow = function(_, op, slot)
      in_line(function()
        local child = baggage["slot" .. slot]
        return child and await(E(child.root):grow(op))
      end)
    end,
    renew = function(_, _, slot)
      in_line(function()
        local child = baggage["slot" .. slot]
        return child and await(E(child.admin):upgrade "child")
      end)
    end,
    death = function(_, _, slot)
      in_line(function()
        local child = baggage["slot" .. slot]
        baggage["slot" .. slot] = nil
        return child and await(E(child.admin):terminate "grown up")
      end)
    end,
    state = function()
      return { incarnation = vat.incarnation, bad = baggage.bad or "" }
    end,
  })
end
