--- A mint: one currency, and the purses that hold it.
--
-- The root is the power to make money: keep it to yourself. Others get a purse, or the issuer.
-- Balances lie in the baggage under their purse's number and outlive the vat's heap. Purses end
-- with an incarnation of the vat; open_purse gives them out again.

return function(vat)
  local books = vat.baggage -- [purse number] = balance; purses, supply
  books.purses = books.purses or 0
  books.supply = books.supply or 0

  -- What one may do with an account. A table that comes from another vat is a copy, never one of
  -- these two, so nobody outside can show them: they are keys that cannot be forged.
  local SPEND <const>, RECEIVE <const> = {}, {}

  local function balance(number)
    return books[number] or 0
  end

  local function set_balance(number, amount)
    books[number] = amount > 0 and amount or nil -- an empty purse takes no row
  end

  local function check_amount(amount)
    if math.type(amount) ~= "integer" or amount < 0 then
      local got = type(amount) == "number" and tostring(amount) or type(amount)
      local message = "an amount is an integer, 0 or more, got " .. got
      error(Error { name = "InvalidAmount", message = message })
    end
  end

  local function move(from, to, amount)
    check_amount(amount)
    local have = balance(from)
    if amount > have then
      local message = ("need %d, have %d"):format(amount, have)
      error(Error { name = "InsufficientFunds", message = message, need = amount, have = have })
    end
    set_balance(from, have - amount)
    set_balance(to, balance(to) + amount)
  end

  -- The number of a purse of this mint. What others send may be anything: a promise is waited for,
  -- and whatever then does not answer as our own purses do is refused.
  local function number_of(purse, right)
    purse = await(purse)
    local ok, number = pcall(function()
      return purse:account(right)
    end)
    if ok and number then
      return number
    end
    error(Error { name = "NotAPurse", message = "this is no purse of this mint" })
  end

  local function deposit(number, payment, amount)
    local from = number_of(payment, SPEND)
    amount = amount or balance(from)
    move(from, number, amount)
    return amount
  end

  local function make_deposit_facet(number)
    return Far("DepositFacet", {
      deposit = function(_, payment, amount)
        return deposit(number, payment, amount)
      end,
      account = function(_, right)
        return right == RECEIVE and number or nil
      end,
    })
  end

  local function make_purse(number)
    return Far("Purse", {
      balance = function()
        return balance(number)
      end,
      -- Takes `amount`, or all there is, out of the purse `payment`; returns what was taken.
      deposit = function(_, payment, amount)
        return deposit(number, payment, amount)
      end,
      -- A new purse with `amount` in it.
      withdraw = function(_, amount)
        local new = books.purses + 1
        move(number, new, amount)
        books.purses = new
        return make_purse(new)
      end,
      -- Moves `amount` into another purse, or through its deposit facet.
      transfer = function(_, amount, to)
        to = number_of(to, RECEIVE)
        move(number, to, amount)
        return amount
      end,
      -- For those who may put money in, but neither look nor take.
      deposit_facet = function()
        return make_deposit_facet(number)
      end,
      number = function()
        return number
      end,
      account = function(_, right)
        return (right == SPEND or right == RECEIVE) and number or nil
      end,
    })
  end

  local function new_purse()
    books.purses = books.purses + 1
    return make_purse(books.purses)
  end

  -- For everybody: whoever has the issuer from a source they trust can make a purse of their own,
  -- have payments moved into it, and need not trust who pays.
  local issuer = Far("Issuer", {
    make_purse = function()
      return new_purse()
    end,
    is_purse = function(_, purse)
      return (pcall(number_of, purse, SPEND))
    end,
  })

  return Far("Mint", {
    -- A purse with `amount` of new money in it, or an empty one.
    make_purse = function(_, amount)
      amount = amount or 0
      check_amount(amount)
      if amount > math.maxinteger - books.supply then
        error(Error { name = "InvalidAmount", message = "so much money cannot be counted" })
      end
      local purse = new_purse()
      books.supply = books.supply + amount
      set_balance(books.purses, amount)
      return purse
    end,
    -- The purse with this number again, for who held it in an earlier incarnation.
    open_purse = function(_, number)
      if math.type(number) ~= "integer" or number < 1 or number > books.purses then
        error(Error { name = "NotAPurse", message = "there is no purse with this number" })
      end
      return make_purse(number)
    end,
    issuer = function()
      return issuer
    end,
    supply = function()
      return books.supply
    end,
  })
end
