--- What the specs of stopping and going on share.

local COUNTER = [[
  return function(vat)
    local heap = 0
    return Far("Counter", {
      up = function()
        heap = heap + 1
        vat.baggage.count = (vat.baggage.count or 0) + 1
        vat.vatstore.count = tostring(vat.baggage.count)
        return heap, vat.baggage.count, vat.vatstore.count, vat.incarnation
      end,
      wait = function() return (promise()) end,
    })
  end
]]

return { COUNTER = COUNTER }
