--- Sends numbered messages with things that nobody keeps for long, and runs over its memory.

local common = require "common"

return function(vat, params)
  local baggage = vat.baggage
  local sent = baggage.sent or 0

  return common.far(vat, "Relay", {
    flood = function(_, _, count)
      for _ = 1, count do
        sent = sent + 1
        E.send_only(common.known(vat, "sink")):hear(params.name, sent, Far("Litter", {}))
      end
      baggage.sent = sent
    end,
    overrun = function()
      sent, baggage.sent = -1, -1
      E.send_only(common.known(vat, "sink")):hear(params.name, -1)
      local text = { "x" }
      while #text > 0 do
        text[#text + 1] = text[#text] .. text[#text]
      end
    end,
    state = function()
      return { sent = sent, incarnation = vat.incarnation,
        bad = sent ~= (baggage.sent or 0) and "sent" or "" }
    end,
  })
end
