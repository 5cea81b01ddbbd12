-- The first version: prices in whole units, each under a key of its own.
return function(vat, params)
  local baggage = vat.baggage
  local news, tell = promise()

  return Far("Stock", {
    set_price = function(_, name, price)
      baggage["price." .. name] = price
    end,
    price = function(_, name)
      return baggage["price." .. name] .. " " .. params.currency
    end,
    -- A promise for the next round of prices.
    next_price = function()
      return news
    end,
    announce = function()
      tell("new prices")
      news, tell = promise()
    end,
  })
end
