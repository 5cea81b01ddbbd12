-- Chat rooms: one vat has the rooms, each guest is a vat of its own and listens through an object
-- that it gives to the room.
return {
  bootstrap = "evening",
  vats = {
    evening = { source = "vats/evening.lua" },
    rooms = { source = "vats/rooms.lua" },
    ann = { source = "vats/guest.lua" },
    ben = { source = "vats/guest.lua" },
    grump = { source = "vats/guest.lua", parameters = { deaf = true } },
  },
}
