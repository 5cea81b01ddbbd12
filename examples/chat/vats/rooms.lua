-- Rooms by name. Who joins gives a listener and gets a seat: the right to speak there under one
-- name, and to leave.
return function()
  local rooms = {}

  local function make_room(room_name)
    local listeners = {} -- in the order of joining: { name = ..., listener = ... }

    local function tell(...)
      for _, guest in ipairs(listeners) do
        E.send_only(guest.listener):hear(room_name, ...)
      end
    end

    local function leave(guest)
      for i, other in ipairs(listeners) do
        if other == guest then
          table.remove(listeners, i)
          tell(guest.name, "leaves")
          return
        end
      end
    end

    return Far("Room", {
      join = function(_, name, listener)
        local guest = { name = name, listener = listener }
        table.insert(listeners, guest)
        tell(name, "joins")
        return Far("Seat", {
          say = function(_, text)
            tell(name, "says " .. text)
          end,
          leave = function()
            leave(guest)
          end,
        })
      end,
    })
  end

  return Far("Rooms", {
    room = function(_, name)
      rooms[name] = rooms[name] or make_room(name)
      return rooms[name]
    end,
  })
end
