--- Hears the relays, each in the order in which it sent.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  local heard = { relay1 = baggage.relay1 or 0, relay2 = baggage.relay2 or 0 }
  local kept = {}

  return common.far(vat, "Sink", {
    hear = function(_, relay, number, litter)
      if number ~= heard[relay] + 1 then
        baggage.bad = ("%s %s %d after %d"):format(baggage.bad or "", relay, number, heard[relay])
      end
      heard[relay] = number
      baggage[relay] = number
      table.insert(kept, litter)
      if #kept > 3 then
        table.remove(kept, 1)
      end
      if number % 4 == 0 then
        baggage.litter = litter
      end
    end,
    state = function()
      local bad = baggage.bad or ""
      for relay, number in pairs(heard) do
        if number ~= (baggage[relay] or 0) then
          bad = bad .. " heap of " .. relay
        end
      end
      return { relay1 = heard.relay1, relay2 = heard.relay2, bad = bad,
        incarnation = vat.incarnation }
    end,
  })
end
