--- Keeps sums in its heap (upvalues, a coroutine, waiting awaits) and beside them in the baggage.

local common = require "common"

return function(vat)
  local baggage = vat.baggage
  for _, name in ipairs { "n", "chain", "woken", "dice" } do
    baggage[name] = baggage[name] or 0
  end
  local n, chain, dice = baggage.n, 0, baggage.dice
  local pending, bad = {}, ""
  baggage.heap_chain = 0

  local walk = coroutine.wrap(function(op)
    local sum = 0
    while true do
      sum = common.fold(sum, op)
      op = coroutine.yield(sum)
    end
  end)

  return common.far(vat, "Keeper", {
    tick = function(_, op)
      local roll = math.random(6)
      n, chain, dice = n + 1, common.fold(chain, op), common.fold(dice, roll)
      if walk(op) ~= chain then
        bad = bad .. " coroutine"
      end
      baggage.n, baggage.chain = baggage.n + 1, common.fold(baggage.chain, op)
      baggage.heap_chain = common.fold(baggage.heap_chain, op)
      baggage.dice = common.fold(baggage.dice, roll)
      vat.vatstore["tick" .. op % 7] = tostring(op)
      return n
    end,

    wait = function(_, op)
      local mark = { "mark " .. op }
      pending[op] = true
      local ok, value = pcall(await, E(common.known(vat, "lock")):get(op))
      if not ok or value ~= op or mark[1] ~= "mark " .. op then
        bad = bad .. " await " .. op .. " " .. tostring(value)
      end
      pending[op] = nil
      baggage.woken = common.mix(baggage.woken, op)
    end,

    state = function()
      local waiting = {}
      for op in pairs(pending) do
        waiting[#waiting + 1] = op
      end
      table.sort(waiting)
      return {
        n = baggage.n, heap_n = n, chain = baggage.chain, heap_chain = chain,
        kept_chain = baggage.heap_chain, woken = baggage.woken,
        pending = table.concat(waiting, ","), incarnation = vat.incarnation,
        bad = bad .. (dice ~= baggage.dice and " dice" or ""),
      }
    end,
  })
end
