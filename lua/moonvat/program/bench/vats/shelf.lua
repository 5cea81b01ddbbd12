-- luacheck: read globals Far
-- Durable instances by number.
return function(vat)
  local make = vat.kind("Thing", {
    touch = function(self)
      self.n = self.n + 1
      return self.n
    end,
  })
  local things = vat.map "things"

  return Far("Shelf", {
    fill = function(_, from, to)
      for i = from, to do
        things[i] = make { n = i }
      end
    end,
    touch = function(_, i)
      return things[i]:touch()
    end,
  })
end
