--- A victim and a witness, for the specs of faults beside.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- A vat with something to lose in its heap and in both durable tables, and an attack.
local VICTIM = [[
  return function(vat)
    local heap = { count = 0, list = {} }
    local function ruin()
      heap.count = 1000
      heap.list[#heap.list + 1] = "ruined"
      vat.vatstore.key = "ruined"
      vat.vatstore.more = "ruined"
      vat.baggage.key = "ruined"
    end
    vat.vatstore.key = "kept"
    vat.baggage.key = "kept"
    return Far("Victim", {
      ping = function()
        heap.count = heap.count + 1
        return heap.count, #heap.list, vat.vatstore.key, vat.vatstore.more, vat.baggage.key
      end,
      attack = function(self)
        ruin()
        %s
      end,
    })
  end
]]

local WITNESS = [[
  return function()
    local count = 0
    return Far("Witness", { ping = function() count = count + 1; return count end })
  end
]]

local function durable(k)
  return { vatstore = k:vatstore "victim", baggage = k:baggage "victim" }
end

--- Attacks twice, and looks whether anything is left of it.
local function attack(body, options, wanted)
  local k = helpers.kernel {
    vats = {
      victim = { source = VICTIM:format(body), options = options },
      witness = WITNESS,
    },
  }
  same({ helpers.call(k, "victim", "ping") }, { 1, 0, "kept", nil, "kept" }, "before the attack")
  for i = 1, 2 do
    local stores, hash = durable(k), k:heap_hash "victim"
    local reason = helpers.reason(k, "victim", "attack")
    same({ reason.name, reason.message }, wanted, "the reason")
    same(k:heap_hash "victim", hash, "the heap is not as before")
    same(durable(k), stores, "the durable tables are not as before")
    same(helpers.call(k, "witness", "ping"), i, "another vat")
    same({ helpers.call(k, "victim", "ping") }, { i + 1, 0, "kept", nil, "kept" },
      "the next delivery")
    same(helpers.vat(k, "victim").state, "running", "the vat's state")
  end
  helpers.settle(k)
end

--- Attacks where plain Lua may also say no: the vat is unharmed and answers.
local function provoke(body, options)
  local k = helpers.kernel {
    vats = { victim = { source = VICTIM:format(body), options = options }, witness = WITNESS },
  }
  local handle = helpers.send(k, "victim", "attack")
  helpers.run(k)
  same(handle:status(), "rejected", "the attack's result")
  same(type(helpers.call(k, "victim", "ping")), "number", "the next delivery")
  same(helpers.call(k, "witness", "ping"), 1, "another vat")
  local reason = handle:reason()
  helpers.settle(k)
  return reason
end

return { WITNESS = WITNESS, attack = attack, provoke = provoke }
