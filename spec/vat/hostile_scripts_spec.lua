--- Each hostile script in a vat of its own: it ends as it must, nothing of it stays, the vat goes on.

local attacks = require "spec.support.attacks"
local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same, says = helpers.same, helpers.says

local v

local function open(options)
  options.main = attacks.RUNNER
  v = test.vat(options)
  same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
end

local function deliver(method, ...)
  return v:deliver {
    kind = "message", target = "o+0", result = "p-1", method = method, args = { ... }, now = 1,
  }
end

--- Runs the script, and puts everything back.
local function attempt(script)
  open(script.options)
  local hash = v:heap_hash()
  local outcome = deliver("run", test.ref("o-1", "Victim"), script.text)
  v:undo()
  same(v:heap_hash(), hash, "the heap afterwards")
  local ping = deliver "ping"
  same(ping.fault, nil, "the next delivery")
  same(ping.syscalls[1][1].values[1], 0, "what it knows of the script")
  v:keep()
  return outcome
end

local function must_fault(script, options, fault)
  local outcome = attempt { text = script.text, options = options }
  same(outcome.fault, fault)
  same({ #outcome.syscalls, #outcome.changes }, { 0, 0 }, "what it asked the kernel for")
end

--- How the script's result is settled; it must not end by a limit.
local function settlement(script)
  local outcome = attempt {
    text = script.text, options = { time_limit = 20, memory_limit = 256 << 20 },
  }
  same(outcome.fault, nil)
  for _, syscall in ipairs(outcome.syscalls) do
    for _, settled in ipairs(syscall.kind == "resolve" and syscall or {}) do
      if settled.promise == "p-1" then
        return settled
      end
    end
  end
  error "its result is not settled"
end

local CHECK <const> = {}

function CHECK.endless(script)
  must_fault(script, { time_limit = 0.02, memory_limit = 64 << 20 }, "time")
  if script.want == "time" then
    return
  end
  must_fault(script, { time_limit = 0, instruction_budget = 300000, memory_limit = 64 << 20 },
    "instructions")
end

function CHECK.hungry(script)
  must_fault(script, { time_limit = 20, memory_limit = 16 << 20 }, "memory")
end

function CHECK.refused(script)
  local settled = settlement(script)
  same(settled.state, "rejected", helpers.show(settled))
  says(settled.values[1].message, script.want)
end

function CHECK.harmless(script)
  local settled = settlement(script)
  same({ settled.state, settled.values[1] }, { "fulfilled", script.want })
end

describe("a hostile script", function()
  after_each(function()
    if v then
      v:close()
    end
    v = nil
  end)

  local count = 0
  for _, theme in ipairs(attacks.THEMES) do
    for _, script in ipairs(attacks.list(theme)) do
      count = count + 1
      it(("(%s, %s): %s"):format(theme, script.kind, script.name), function()
        CHECK[script.kind](script)
      end)
    end
  end

  it("is one of more than 330", function()
    assert(count > 330, count)
  end)
end)
