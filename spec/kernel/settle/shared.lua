--- What the specs of settling share: turns of vats, and promises that they give each other.

local play = require "spec.support.play"

local M = {}

--- Delivers one message from the host to a vat's root; its outcome is these syscalls.
function M.turn(k, vat, syscalls, arguments)
  local result = k:send(k:root(vat), "turn", arguments or {})
  local kept
  repeat
    local delivery = k:crank(function(delivery)
      if delivery.kind ~= "message" or delivery.method ~= "turn" then
        return {}
      end
      kept = true
      return { syscalls = syscalls }
    end)
  until kept or delivery == false
  assert(kept, "the turn was not delivered")
  k:release(result)
end

--- v1 gives v2 (and v3) its promises p+1 ... p+count, which they know as p-1 ...
function M.promises(k, count, vats)
  local syscalls = {}
  for _, vat in ipairs(vats or { "v2" }) do
    M.turn(k, "v1", {}, { k:root(vat) })
  end
  local all = {}
  for i = 1, count do
    all[i] = "p+" .. i
  end
  for i = 1, #(vats or { "v2" }) do
    syscalls[i] = { send = "o-" .. i, method = "take", args = all }
  end
  M.turn(k, "v1", syscalls)
  return k:drain(function(delivery)
    local list = {}
    for i, vref in ipairs(delivery.slots) do
      list[i] = { subscribe = vref }
    end
    return { syscalls = list }
  end)
end

--- What is delivered until nothing is left, a line each.
function M.lines(k, outcome)
  return play.lines(k:drain(outcome))
end

return M
