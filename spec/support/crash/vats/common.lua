--- What the vats of the crash suite share: folds of operations' numbers, and whom they know.

local M = {}

--- Depends on the order.
function M.fold(sum, op)
  return (sum * 31 + op) % 1000003
end

--- Does not.
function M.mix(sum, op)
  return (sum + op * op) % 1000003
end

--- Adds know(name, x) to the methods: x is kept in the baggage.
function M.far(vat, name, methods)
  function methods.know(_, other, x)
    vat.baggage["know/" .. other] = x
  end
  return Far(name, methods)
end

function M.known(vat, name)
  return vat.baggage["know/" .. name]
end

--- Jobs that may await, one after the other.
function M.line(on_error)
  local tail = promise.resolve()
  return function(job)
    tail = tail:next(function()
      local ok, reason = pcall(job)
      if not ok then
        on_error(tostring(reason))
      end
    end)
  end
end

return M
