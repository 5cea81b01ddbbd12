-- A guest: prints what it hears. One that is deaf fails at each word, and nobody else notices.
return function(vat, params)
  local seats = {}

  local ears = Far("Ears", {
    hear = function(_, room, who, what)
      if params.deaf then
        error("I hear nothing")
      end
      if who ~= vat.name then
        print(("[%s] %s %s"):format(room, who, what))
      end
    end,
  })

  return Far("Guest", {
    join = function(_, rooms, name)
      -- The room is not there yet when join is sent to it.
      seats[name] = await(E(E(rooms):room(name)):join(vat.name, ears))
    end,
    say = function(_, room, text)
      return E(seats[room]):say(text)
    end,
    leave = function(_, room)
      E(seats[room]):leave()
      seats[room] = nil
    end,
  })
end
