-- Keeps what it receives. With `fails` it raises each time instead.
return function(_, params)
  local heard = {}

  return Far("Listener", {
    receive = function(_, ...)
      if params.fails then
        error("this listener fails")
      end
      heard[#heard + 1] = table.concat({ ... }, " ")
    end,
    heard = function()
      return table.concat(heard, ", ")
    end,
    ping = function()
      return "pong"
    end,
  })
end
