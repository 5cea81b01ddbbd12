--- A version of the purse that cannot start, after it has changed what it should not have.

return function(vat)
  vat.baggage.sum = -1
  vat.vatstore.sum = "-1"
  error "this version does not start"
end
