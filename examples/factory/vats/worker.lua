-- One worker: it ends itself with a value, or with a failure.
return function(vat, params)
  local hours = 0

  return Far("Worker", {
    work = function(_, more)
      hours = hours + more
      return ("%s has worked %dh on %s"):format(vat.name, hours, params.task)
    end,
    retire = function()
      vat.exit(hours .. "h of " .. params.task)
    end,
    strain = function()
      vat.exit_with_failure("worn out after " .. hours .. "h")
    end,
  })
end
