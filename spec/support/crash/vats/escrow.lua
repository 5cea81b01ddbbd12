--- Moves money from purse to purse with durable objects that watch: it may be upgraded meanwhile.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  baggage.done, baggage.mixed = baggage.done or 0, baggage.mixed or 0
  local open = vat.map "open"

  local make_transfer
  make_transfer = vat.kind("Transfer", {
    begin = function(self)
      vat.watch(E(common.known(vat, "purse" .. self.from)):move(self.op, -self.amount), open[self.op],
        "withdrawn")
    end,
    withdrawn = function(self, ok)
      if not ok or self.stage ~= 0 then
        baggage.bad = (baggage.bad or "") .. " withdrawn " .. self.op
      end
      self.stage = 1
      vat.watch(E(common.known(vat, "purse" .. self.to)):move(self.op, self.amount), open[self.op],
        "deposited")
    end,
    deposited = function(self, ok)
      if not ok or self.stage ~= 1 then
        baggage.bad = (baggage.bad or "") .. " deposited " .. self.op
      end
      self.stage = 2
      open[self.op] = nil
      baggage.done, baggage.mixed = baggage.done + 1, common.mix(baggage.mixed, self.op)
    end,
  })

  return common.far(vat, "Escrow", {
    transfer = function(_, op, from, to, amount)
      open[op] = make_transfer { op = op, from = from, to = to, amount = amount, stage = 0 }
      open[op]:begin()
    end,
    state = function()
      local left = baggage.bad or ""
      for op in pairs(open) do
        left = left .. " open " .. op
      end
      return { done = baggage.done, mixed = baggage.mixed, incarnation = vat.incarnation,
        bad = left }
    end,
  })
end
