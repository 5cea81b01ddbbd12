-- Brings the guests together. The rooms and seats are ordinary Lua values in the other vats: they
-- are still there after a restart.
return function()
  return Far("Evening", {
    bootstrap = function(_, vats)
      await(E(vats.ann):join(vats.rooms, "lua"))
      await(E(vats.grump):join(vats.rooms, "lua"))
      await(E(vats.ben):join(vats.rooms, "lua"))
      await(E(vats.ben):join(vats.rooms, "moon"))
      await(E(vats.ann):say("lua", "hello all"))
      await(E(vats.ben):say("lua", "hello ann"))
      await(E(vats.ben):say("moon", "nobody here?"))
    end,
  })
end
