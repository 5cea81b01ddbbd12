--- table.sort in a vat: the same comparisons each time, and an end to orders that are none.

local helpers = require "spec.support.helpers"
local shared = require "spec.vat.machine.shared"

local open, run, close_all = shared.open, shared.run, shared.close_all
local same = helpers.same

describe("table.sort in a vat", function()
  after_each(close_all)

  it("table.sort compares in the same order each time, large and unbalanced lists too", function()
    local SORT <const> = [[
      local list, calls, trace = {}, 0, 0
      for i = 1, 3000 do list[i] = { i // 100 * (i % 2 * 2 - 1), i } end
      table.sort(list, function(a, b)
        calls = calls + 1
        trace = (trace * 31 + a[2] * 7 + b[2]) % 1000000007
        return a[1] < b[1]
      end)
      for i, entry in ipairs(list) do trace = (trace * 31 + entry[2] * i) % 1000000007 end
      return calls, trace
    ]]
    local v = open()
    local calls, trace = run(v, SORT)
    assert(calls > 10000)
    same({ run(v, SORT) }, { calls, trace })
    same({ run(open { number = 5 }, SORT) }, { calls, trace })
  end)

  it("table.sort survives an order that is none", function()
    local failed = run(open(), [[
      local failed = 0
      for round = 1, 40 do
        local list = {}
        for i = 1, 400 do list[i] = i * 7919 % 1000 end
        local calls = 0
        local ok, reason = pcall(table.sort, list, function(a, b)
          calls = calls + 1
          return round % 2 == 0 or a ~= b or calls % round == 0
        end)
        if not ok then
          failed = failed + 1
          assert(reason == "invalid order function for sorting", reason)
        end
      end
      return failed
    ]])
    assert(failed > 10)
  end)
end)
