-- Says hello, and knows whom it has greeted before.
return function(vat, params)
  local baggage = vat.baggage
  local greeting = params.greeting or "Hi"

  return Far("Hello", {
    bootstrap = function()
      print(greeting .. ", world! I am a vat.")
    end,
    greet = function(_, name)
      local times = (baggage[name] or 0) + 1
      baggage[name] = times
      if times == 1 then
        return ("%s, %s!"):format(greeting, name)
      end
      return ("%s again, %s: visit %d!"):format(greeting, name, times)
    end,
  })
end
