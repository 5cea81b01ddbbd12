-- A shop's list of prices, which gets new code while it is in use. The second version keeps them in
-- cents, and converts what the first one has left in the baggage.
return {
  bootstrap = "till",
  vats = {
    till = { source = "vats/till.lua" },
    stock = { source = "vats/stock.lua", parameters = { currency = "EUR" } },
  },
}
