-- luacheck: read globals Far
-- W9: n times one operation.
return function()
  return Far("Loop", {
    calls = function(_, n)
      local function called(i)
        return i
      end
      local last
      for i = 1, n do
        last = called(i)
      end
      return last
    end,
    loops = function(_, n)
      local sum = 0
      for i = 1, n do
        sum = sum + i
      end
      return sum
    end,
    tables = function(_, n)
      local list = {}
      for i = 1, n do
        list[i & 255] = i
      end
      return list[n & 255]
    end,
  })
end
