-- The teller holds the mint, which is the power to make money, and opens accounts. Everything that
-- must last is in the baggage: the day, the references to the others, and the teller's own purse.
return function(vat)
  local books = vat.baggage

  local function in_the_books()
    local balances = promise.all { E(books.ann):balance(), E(books.ben):balance() }
    return ("Ann has %d, Ben has %d."):format(table.unpack(await(balances)))
  end

  return Far("Teller", {
    bootstrap = function(self, vats)
      books.day = 0
      books.mint, books.ann, books.ben = vats.mint, vats.ann, vats.ben
      -- Sent in one go: the purses are passed on while they are still promises.
      await(promise.all {
        E(vats.ann):open_account(E(vats.mint):make_purse(80)),
        E(vats.ben):open_account(E(vats.mint):make_purse(50)),
      })
      books.till = await(E(E(vats.mint):issuer()):make_purse())
      self:business_day()
    end,

    business_day = function(self)
      books.day = books.day + 1
      print(("Day %d. %s"):format(books.day, in_the_books()))
      await(E(books.ann):receive(E(books.mint):make_purse(20), "the bank", "a day's work"))
      await(E(books.ann):pay(books.ben, 30, "bread"))
      await(E(books.ben):pay(books.ann, 10, "apples"))
      await(E(books.ben):pay(self, 1000, "a house"))
      print(("Day %d is over. %s"):format(books.day, in_the_books()))
    end,

    -- The bank sells a house.
    receive = function(_, payment, from, what)
      local amount = await(E(books.till):deposit(payment))
      print(("%d from %s for %s. Here are the keys!"):format(amount, from, what))
    end,
  })
end
