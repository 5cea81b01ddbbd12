-- luacheck: read globals Far
-- W7: rows of 1 KiB in the vatstore, under keys in an order that is not theirs.
return function(vat)
  local store = vat.vatstore

  local function key(i)
    return ("k%09d"):format(i)
  end

  return Far("Rows", {
    fill = function(_, from, to)
      for i = from, to do
        store[key(i)] = ("%016d"):format(i):rep(64)
      end
    end,
    read = function(_, n, rows)
      local bytes = 0
      for i = 1, n do
        bytes = bytes + #store[key(i * 7919 % rows)]
      end
      return bytes
    end,
  })
end
