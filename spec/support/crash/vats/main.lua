--- Introduces the vats of the crash suite to each other and to the services.

return function()
  return Far("Main", {
    bootstrap = function(_, vats, services)
      for _, who in ipairs { "teller", "escrow" } do
        for i = 1, 5 do
          E(vats[who]):know("purse" .. i, vats["purse" .. i])
        end
      end
      E(vats.keeper):know("lock", vats.lock)
      E(vats.relay1):know("sink", vats.sink)
      E(vats.relay2):know("sink", vats.sink)
      E(vats.spender):know("outside", services.outside)
      E(vats.alarm):know("timer", services.timer)
      E(vats.nursery):know("admin", services.vat_admin)
      E(vats.nursery):know("purse", vats.purse1)
    end,
    state = function() return {} end,
  })
end
