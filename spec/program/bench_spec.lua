local helpers = require "spec.support.helpers"

-- The figures that each workload's rows must have.
local FIGURES <const> = {
  w1 = { "rounds_s", "deliveries_s" },
  w2 = { "sends_s", "deliveries_s" },
  w3 = { "delivery_us", "operation_us", "fill_key_us" },
  w4 = { "vat_ms" },
  w5 = { "open_ms", "first_ms", "all_ms" },
  w8 = { "delivery_us", "least_us", "abort_us" },
  w9 = { "off_ns", "budget_ns", "budget_percent" },
  w10 = { "image_KiB" },
}

local function bench(arguments)
  return helpers.command(helpers.program() .. " bench " .. arguments)
end

describe("the benchmark", function()
  after_each(helpers.clean)

  for workload, figures in pairs(FIGURES) do
    it("measures " .. workload .. ", one object a line", function()
      local out, err, status = bench(workload .. " --quick --json")
      assert.equal(0, status, err)
      local rows = 0
      for line in out:gmatch("[^\n]+") do
        rows = rows + 1
        assert.matches('"workload":"' .. workload .. '"', line, 1, true)
        assert.matches('"commit_every":%d', line)
        assert.matches('"runs":1', line, 1, true)
        for _, name in ipairs(figures) do
          local figure = tonumber(line:match('"' .. name .. '":([^,}]*)'))
          assert.is_true(figure ~= nil and figure > 0, name .. " in " .. line)
        end
      end
      assert.is_true(rows >= 3, out)
    end)
  end

  it("shows a table, with progress apart from it", function()
    local out, err, status = bench("ping-pong --quick --runs 2")
    assert.equal(0, status, err)
    assert.matches("^W1 ping%-pong.-\ncase .-rounds/s.-\ncalls +1 +%d", out)
    assert.matches("w1, calls, commit_every 1000: 2 runs", err, 1, true)
  end)

  it("says what it can measure when asked for something else", function()
    local out, err, status = bench("w99")
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("there is no workload w99, there are w1, w2, w3, w4, w5", err, 1, true)
    assert.equal(2, select(3, bench("w1 --runs none")))
    out, err, status = bench("w1 --quik")
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("there is no option --quik (did you mean --quick?)", err, 1, true)
    out, err, status = bench("w1 w2")
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("one workload at a time, or all: w2 is too many", err, 1, true)
  end)

  it("fails with a reason when it has no folder to write in", function()
    local _, err, status = bench("w1 --quick --dir /nowhere/at/all")
    assert.equal(1, status)
    assert.equal("moonvat bench: cannot make a folder in /nowhere/at/all: --dir names one that is "
      .. "there and can be written to\n", err)
  end)
end)
