-- A counter that never forgets: what is assigned to the baggage is durable.
return function(vat, params)
  local baggage = vat.baggage
  baggage.count = baggage.count or params.start or 0

  return Far("Counter", {
    increment = function(_, by)
      by = by or 1
      if math.type(by) ~= "integer" then
        error(Error { name = "NotAnInteger", message = "count by integers, got a " .. type(by) })
      end
      baggage.count = baggage.count + by
      print("now at " .. baggage.count)
      return baggage.count
    end,
    count = function()
      return baggage.count
    end,
  })
end
