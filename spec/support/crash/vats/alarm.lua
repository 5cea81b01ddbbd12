--- Waits for the timer, and has it tick.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  local fired, mixed, ticks = baggage.fired or 0, baggage.mixed or 0, baggage.ticks or 0
  local in_line = common.line(function(reason)
    baggage.bad = (baggage.bad or "") .. " " .. reason
  end)

  return common.far(vat, "Alarm", {
    set = function(_, op, ms)
      await(E(common.known(vat, "timer")):after(ms / 1000))
      fired, mixed = fired + 1, common.mix(mixed, op)
      baggage.fired, baggage.mixed = fired, mixed
    end,
    ticks = function(self, _, on)
      in_line(function()
        if on and not baggage.ticker then
          baggage.ticker = await(E(common.known(vat, "timer")):every(0.004, self, "tick"))
        elseif not on and baggage.ticker then
          await(E(baggage.ticker):cancel())
          baggage.ticker = nil
        end
      end)
    end,
    tick = function()
      ticks = ticks + 1
      baggage.ticks = ticks
    end,
    state = function()
      local good = fired == (baggage.fired or 0) and ticks == (baggage.ticks or 0)
      return { fired = fired, mixed = mixed, ticking = baggage.ticker ~= nil,
        incarnation = vat.incarnation, bad = (baggage.bad or "") .. (good and "" or " heap") }
    end,
  })
end
