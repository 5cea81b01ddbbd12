-- Has a reference to the list of prices, and waits for news of it. The reference goes on over the
-- upgrade; the news that the first version had promised does not come, and the till hears why.
return function()
  local stock

  local function ask_again(reason)
    print(reason.message .. " (incarnation " .. reason.incarnation .. "); asking again")
    E(stock):price("tea"):next(function(price)
      print("tea is " .. price)
    end)
  end

  return Far("Till", {
    bootstrap = function(_, vats)
      stock = vats.stock
      E(stock):next_price():catch(ask_again)
    end,
    ask = function(_, name)
      return await(E(stock):price(name))
    end,
  })
end
