-- Pays out of a purse it was given, in the ways that a purse from another vat allows.
return function()
  local purse

  return Far("Payer", {
    take = function(_, mine)
      purse = mine
    end,
    -- Sent in one go: the payment is a promise when it is deposited.
    pay = function(_, payee, amount)
      return E(payee):deposit(E(purse):withdraw(amount))
    end,
    -- An object of this vat that claims to be a purse.
    pay_with_forgery = function(_, payee)
      return E(payee):deposit(Far("Purse", {
        account = function()
          return 1
        end,
        balance = function()
          return 1000000
        end,
      }))
    end,
  })
end
