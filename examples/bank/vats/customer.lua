-- A customer of the bank, with a purse. A payment is a purse too: who pays withdraws it and sends
-- it along, who is paid has the mint move it into their own purse, and trusts the mint alone.
return function(vat, params)
  local baggage = vat.baggage
  local name = params.name

  return Far("Customer", {
    open_account = function(_, purse)
      baggage.purse = await(purse)
    end,

    balance = function()
      return E(baggage.purse):balance()
    end,

    -- True when it was paid. The payment goes on to the payee before the mint has seen the
    -- withdrawal; where the mint refuses, the refusal takes the same way.
    pay = function(_, payee, amount, what)
      print(("I pay %d for %s."):format(amount, what))
      local payment = E(baggage.purse):withdraw(amount)
      local paid, reason = pcall(await, E(payee):receive(payment, name, what))
      if not paid then
        print(("Not %s today: %s."):format(what, tostring(reason)))
      end
      return paid
    end,

    receive = function(_, payment, from, what)
      local amount = await(E(baggage.purse):deposit(payment))
      print(("%d from %s for %s, thank you."):format(amount, from, what))
    end,
  })
end
