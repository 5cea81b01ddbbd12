--- The hostile scripts, played through a kernel with another vat beside: what is left is as it was.

local attacks = require "spec.support.attacks"
local helpers = require "spec.support.helpers"

local same, says = helpers.same, helpers.says

local VICTIM <const> = [[
  return function(vat)
    local heap = { count = 0, list = { 1, 2, 3 } }
    vat.vatstore.key, vat.baggage.key = "kept", "kept"
    return Far("Victim", {
      ping = function() end,
      state = function() return heap.count, #heap.list, vat.vatstore.key, vat.baggage.key end,
    })
  end
]]

local BUDGET <const> = {
  endless = { options = { time_limit = 0.02, memory_limit = 64 << 20 }, reason = "time limit" },
  flood = { options = { time_limit = 0.3, memory_limit = 256 << 20 } },
  hungry = { options = { time_limit = 20, memory_limit = 8 << 20 }, reason = "memory limit" },
}
local AMPLE <const> = { time_limit = 20, memory_limit = 256 << 20 }

--- A kernel with a vat that runs the script and one that must not notice; both have been used.
local function kernel(options)
  local k = helpers.kernel {
    vats = { attacker = { source = attacks.RUNNER, options = options }, victim = VICTIM },
  }
  helpers.call(k, "attacker", "run", k:root "victim", "vat.vatstore.a, vat.baggage.b = 'a', 'b'")
  helpers.call(k, "victim", "state")
  helpers.settle(k)
  return k
end

--- All state but what counts up with every message.
local function state(k)
  local lines, heading = {}, nil
  for line in k:dump():gmatch "[^\n]+" do
    heading = line:find "^ " and heading or line
    if heading ~= "counters" then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

--- Sends the script, runs with an audit after each crank; the handle of its result.
local function play(k, script)
  local handle = helpers.send(k, "attacker", "run", k:root "victim", script.text)
  helpers.run(k, script.name)
  return handle
end

local function victim_is_well(k)
  same({ helpers.call(k, "victim", "state") }, { 0, 3, "kept", "kept" }, "the other vat")
  same(helpers.vat(k, "victim").state, "running", "the other vat's state")
  same(helpers.vat(k, "victim").fault, nil, "the other vat's fault")
end

local CHECK <const> = {}

function CHECK.limit(k, script, limit)
  local before, heap = state(k), k:heap_hash "attacker"
  local other = k:heap_hash "victim"
  local handle = play(k, script)
  local reason = handle:reason()
  local text = "delivery exceeded its " .. limit
  same({ reason.name, reason.message }, { "BudgetExceeded", text }, "the reason")
  same(helpers.vat(k, "attacker").fault, text, "the fault that is listed")
  same(helpers.vat(k, "attacker").state, "running", "the vat's state")
  helpers.settle(k)
  same(state(k), before, "the kernel's tables")
  same(k:heap_hash "attacker", heap, "the heap")
  same(k:heap_hash "victim", other, "the other vat's heap")
end

function CHECK.endless(k, script)
  CHECK.limit(k, script, BUDGET.endless.reason)
end

function CHECK.hungry(k, script)
  CHECK.limit(k, script, BUDGET.hungry.reason)
end

--- A flood of messages counts until its sender is refused: one more reason to be undone.
local function floods(script)
  return script.kind == "refused" and script.want:find "sends in one delivery"
end

function CHECK.flood(k, script)
  local text = "pcall(function() " .. script.text .. " end) while true do end"
  CHECK.limit(k, { name = script.name, text = text }, "time limit")
end

function CHECK.refused(k, script)
  local handle = play(k, script)
  local reason = handle:reason()
  if not reason then
    error("it was not rejected, but is " .. handle:status())
  end
  says(reason.message, script.want)
end

function CHECK.harmless(k, script)
  local handle = play(k, script)
  same({ handle:values() }, { script.want }, "the result")
end

describe("a hostile script in a kernel", function()
  after_each(helpers.clean)

  local count = 0
  for _, theme in ipairs(attacks.THEMES) do
    for _, script in ipairs(attacks.list(theme)) do
      count = count + 1
      it(("(%s, %s): %s"):format(theme, script.kind, script.name), function()
        local kind = floods(script) and "flood" or script.kind
        local k = kernel(BUDGET[kind] and BUDGET[kind].options or AMPLE)
        CHECK[kind](k, script)
        victim_is_well(k)
        same(type(helpers.call(k, "attacker", "ping")), "number", "the next delivery")
        helpers.settle(k)
        same(helpers.vat(k, "attacker").state, "running", "the vat's state at last")
      end)
    end
  end

  it("is one of more than 330", function()
    assert(count > 330, count)
  end)
end)
