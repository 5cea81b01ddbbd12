--- Moves money from purse to purse with awaits: what is between the purses is in this heap.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  local done, mixed = baggage.done or 0, baggage.mixed or 0

  return common.far(vat, "Teller", {
    transfer = function(_, op, from, to, amount)
      await(E(common.known(vat, "purse" .. from)):move(op, -amount))
      await(E(common.known(vat, "purse" .. to)):move(op, amount))
      done, mixed = done + 1, common.mix(mixed, op)
      baggage.done, baggage.mixed = done, mixed
      return done
    end,
    state = function()
      return { done = done, mixed = mixed, incarnation = vat.incarnation,
        bad = done ~= (baggage.done or 0) and "done" or "" }
    end,
  })
end
