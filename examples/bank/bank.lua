-- A bank: the mint makes the money, the teller opens the accounts, and two customers, each in a vat
-- of their own, trade with it. Each business_day of the teller goes on where the last one ended.
return {
  bootstrap = "teller",
  vats = {
    teller = { source = "vats/teller.lua" },
    mint = { source = "moonvat:mint" },
    ann = { source = "vats/customer.lua", parameters = { name = "Ann" } },
    ben = { source = "vats/customer.lua", parameters = { name = "Ben" } },
  },
}
