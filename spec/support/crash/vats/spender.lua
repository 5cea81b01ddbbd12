--- Asks the outside for things that are done there, and keeps the receipts.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  local paid, refused = baggage.paid or 0, baggage.refused or 0

  return common.far(vat, "Spender", {
    ask = function(_, op, how, amount)
      local outside = E(common.known(vat, "outside"))
      local ok, receipt = pcall(await, outside[how](outside, op, amount))
      if ok then
        paid = common.mix(paid, op)
        vat.vatstore["receipt" .. op] = receipt
      else
        refused = common.mix(refused, op)
      end
      baggage.paid, baggage.refused = paid, refused
    end,
    state = function()
      return { paid = paid, refused = refused, incarnation = vat.incarnation,
        bad = paid ~= (baggage.paid or 0) and "paid" or "" }
    end,
  })
end
