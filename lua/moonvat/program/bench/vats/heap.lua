-- luacheck: read globals Far
-- W8, W10: a heap of a size that is chosen, and deliveries that touch little of it.
return function()
  local kept, count = {}, 0

  return Far("Heap", {
    -- So many KiB more.
    hold = function(_, n)
      for _ = 1, n do
        kept[#kept + 1] = ("%010d"):format(#kept):rep(100)
      end
    end,
    held = function()
      return #kept
    end,
    increment = function()
      count = count + 1
      return count
    end,
    -- Undone at once where the instruction budget is below n/8.
    exceed = function(_, n)
      count = count + 1
      return ("x"):rep(n):upper()
    end,
  })
end
