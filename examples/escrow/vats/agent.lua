-- Takes what both sides pay into purses of its own, and hands it over when it has both.
return function()
  local parties, escrow

  local function take(who, metal, amount)
    local payment = await(E(parties[who]):pay(metal, amount))
    local got = await(E(escrow[metal]):deposit(payment))
    if got ~= amount then
      error(("%s paid %d %s, not %d"):format(who, got, metal, amount))
    end
    print(("%s has paid %d %s."):format(who, amount, metal))
  end

  -- All that is in escrow of a metal goes to somebody.
  local function hand_over(metal, who)
    local amount = await(E(escrow[metal]):balance())
    if amount > 0 then
      await(E(await(E(parties[who]):facet(metal))):deposit(escrow[metal], amount))
      print(("%s gets %d %s."):format(who, amount, metal))
    end
  end

  return Far("Agent", {
    bootstrap = function(self, vats)
      parties = { ann = vats.ann, ben = vats.ben }
      escrow = {
        gold = await(E(vats.gold):make_purse()),
        silver = await(E(vats.silver):make_purse()),
      }
      await(E(vats.ann):open(E(vats.gold):make_purse(100), E(vats.silver):make_purse()))
      await(E(vats.ben):open(E(vats.gold):make_purse(), E(vats.silver):make_purse(500)))
      self:holdings()
    end,

    swap = function()
      local ok, reason = pcall(function()
        take("ann", "gold", 30)
        take("ben", "silver", 200)
      end)
      if not ok then
        print("No swap: " .. tostring(reason) .. ".")
      end
      hand_over("gold", ok and "ben" or "ann")
      hand_over("silver", ok and "ann" or "ben")
      return ok
    end,

    holdings = function()
      for _, who in ipairs { "ann", "ben" } do
        print(("%s: %s"):format(who, await(E(parties[who]):holdings())))
      end
    end,
  })
end
