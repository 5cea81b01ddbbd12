--- A purse, for two bundles that differ in a letter: the sum is in the heap, the baggage, the
--- vatstore and a durable object, and each operation moves it once.

local common = require "common"

return function(letter)
  return function(vat)
    local baggage = vat.baggage
    local make_account = vat.kind("Account", {
      add = function(self, amount)
        self.sum = self.sum + amount
        return self.sum
      end,
      get = function(self) return self.sum end,
    })
    baggage.account = baggage.account or make_account { sum = 0 }
    local account, seen = baggage.account, vat.set "seen"
    local moves, sum, mixed = baggage.moves or 0, baggage.sum or 0, baggage.mixed or 0

    return common.far(vat, "Purse", {
      move = function(_, op, amount)
        if seen[op] then
          baggage.twice = (baggage.twice or "") .. " " .. op
        end
        seen[op] = true
        moves, sum, mixed = moves + 1, sum + amount, common.mix(mixed, op)
        baggage.moves, baggage.sum, baggage.mixed = moves, sum, mixed
        vat.vatstore.sum = tostring(account:add(amount))
        return sum
      end,
      state = function()
        local bad = baggage.twice and "twice" .. baggage.twice or ""
        if baggage.sum and (sum ~= baggage.sum or sum ~= account:get()
          or tostring(sum) ~= vat.vatstore.sum or moves ~= baggage.moves) then
          bad = bad .. (" sums %d %d %d %s"):format(sum, baggage.sum, account:get(),
            vat.vatstore.sum)
        end
        return { moves = moves, sum = sum, mixed = mixed, letter = letter, bad = bad,
          incarnation = vat.incarnation }
      end,
    })
  end
end
