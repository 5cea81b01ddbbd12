--- A vat that is made, grows and ends; it moves nothing into a purse that it was given.

local common = require "common"

return function(vat, params)
  local baggage = vat.baggage
  local size, chain = baggage.size or 0, baggage.chain or 0

  return common.far(vat, "Child", {
    grow = function(_, op)
      size, chain = size + 1, common.fold(chain, op)
      baggage.size, baggage.chain = size, chain
      return size
    end,
    state = function()
      local good = size == (baggage.size or 0) and params.purse ~= nil
      return { size = size, chain = chain, incarnation = vat.incarnation,
        bad = good and "" or "heap or parameters" }
    end,
  })
end
