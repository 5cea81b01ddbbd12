-- The second version. The build function runs once for each incarnation: the place to migrate. If
-- it raised, the first version would go on, with nothing changed.
return function(vat, params)
  local baggage = vat.baggage

  local function migrate()
    local count = 0
    for key in vat.range(baggage, "price.") do
      baggage["cents." .. key:sub(#"price." + 1)] = baggage[key] * 100
      baggage[key] = nil
      count = count + 1
    end
    baggage.version = 2
    print("version 2: converted " .. count .. " prices")
  end

  if baggage.version ~= 2 then
    migrate()
  end

  local function format(cents)
    return ("%d.%02d %s"):format(cents // 100, cents % 100, params.currency)
  end

  return Far("Stock", {
    set_price = function(_, name, price)
      baggage["cents." .. name] = price * 100
    end,
    set_cents = function(_, name, cents)
      baggage["cents." .. name] = cents
    end,
    price = function(_, name)
      return format(baggage["cents." .. name])
    end,
  })
end
