-- luacheck: read globals E Far await
-- Starts each workload at one message from the host.
return function()
  local vats

  return Far("Driver", {
    bootstrap = function(_, all)
      vats = all
    end,

    -- W1: n calls, each awaited.
    ping_pong = function(_, n)
      local target = vats.target
      local last
      for i = 1, n do
        last = await(E(target):ping(i))
      end
      return last
    end,

    -- W2: n sends that ask for no result, and n whose result nobody looks at.
    send_only = function(_, n)
      for _ = 1, n do
        E.send_only(vats.target):increment()
      end
    end,
    ignore = function(_, n)
      for _ = 1, n do
        E(vats.target):increment()
      end
    end,

    -- W3: key numbers from 0 on, and deliveries number `first` to `last` of the work.
    fill = function(_, keys)
      for from = 0, keys - 1, 1000 do
        E.send_only(vats.target):fill(from, math.min(from + 1000, keys) - 1)
      end
    end,
    work = function(_, first, last, keys)
      for i = first, last do
        E.send_only(vats.target):work(7919 * i + 1, keys)
      end
    end,

    -- W6: n fresh objects, one in each message, kept by nobody.
    churn = function(_, n)
      for i = 1, n do
        E(vats.target):take(Far("Thing", {
          id = function()
            return i
          end,
        }))
      end
    end,

    -- W8, W9: n messages to one of the others.
    poke = function(_, n, name, method, ...)
      for _ = 1, n do
        local sender = E.send_only(vats[name])
        sender[method](sender, ...)
      end
    end,

    -- W5: so many messages to each of the others.
    poke_all = function(_, count, rounds)
      for _ = 1, rounds do
        for i = 1, count do
          E.send_only(vats["kid" .. i]):increment()
        end
      end
    end,
  })
end
