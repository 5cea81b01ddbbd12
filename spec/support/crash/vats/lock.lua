--- Gives promises, and keeps them when told to open.

return function(vat)
  local waiting, opened = {}, {}

  return Far("Lock", {
    get = function(_, op)
      if opened[op] then
        opened[op] = nil
        return op
      end
      local p, resolve = promise()
      waiting[op] = resolve
      return p
    end,
    open = function(_, op)
      if waiting[op] then
        waiting[op](op)
        waiting[op] = nil
      else
        opened[op] = true
      end
    end,
    state = function() return { incarnation = vat.incarnation } end,
  })
end
