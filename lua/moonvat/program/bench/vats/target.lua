-- luacheck: read globals Far
-- What the workloads send to: a counter in its heap, and a durable table.
return function(vat, params)
  local store = params.baggage and vat.baggage or vat.vatstore
  local count = 0
  local padding = ("v"):rep(90)

  local function key(n)
    return ("k%09d"):format(n)
  end

  local function value(n) -- 100 bytes
    return padding .. ("%010d"):format(n)
  end

  return Far("Target", {
    ping = function(_, i)
      return i
    end,
    increment = function()
      count = count + 1
      return count
    end,
    take = function() end,
    count = function()
      return count
    end,
    fill = function(_, from, to)
      for i = from, to do
        store[key(i)] = value(i)
      end
    end,
    -- Ten times a get and a set, at keys that a linear congruential generator chooses.
    work = function(_, s, keys)
      local bytes = 0
      for _ = 1, 10 do
        s = (s * 1664525 + 1013904223) % 4294967296
        bytes = bytes + #store[key(s % keys)]
        s = (s * 1664525 + 1013904223) % 4294967296
        store[key(s % keys)] = value(s)
      end
      return bytes
    end,
  })
end
