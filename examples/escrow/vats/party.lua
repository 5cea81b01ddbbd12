-- Somebody with a purse of gold and one of silver, who pays when asked.
return function(vat)
  local purses = vat.baggage

  return Far("Party", {
    open = function(_, gold, silver)
      purses.gold, purses.silver = await(gold), await(silver)
    end,
    pay = function(_, metal, amount)
      return E(purses[metal]):withdraw(amount)
    end,
    facet = function(_, metal)
      return E(purses[metal]):deposit_facet()
    end,
    holdings = function()
      local gold, silver = E(purses.gold):balance(), E(purses.silver):balance()
      return ("%d gold, %d silver"):format(await(gold), await(silver))
    end,
  })
end
