--- The garbage collector: what nobody reaches is dropped and retired, in one order.

local play = require "spec.support.play"

--- Every vat but v1 gets an object of v1 of its own, and one that all share.
local function shared(count, path)
  local names = {}
  for i = 1, count do
    names[i] = "vat" .. i
  end
  local k = play.kernel(names, nil, path)
  for i = 2, count do
    k:send("ko1", "go", { "ko" .. i })
    k:crank { syscalls = { { send = "o-" .. i - 1, args = { "o+1 Shared", "o+" .. i } } } }
    k:crank()
  end
  return k
end

local function kinds(deliveries)
  local list = {}
  for i, delivery in ipairs(deliveries) do
    list[i] = play.line(delivery)
  end
  return list
end

describe("garbage", function()
  after_each(play.clean)

  it("goes when the last importer drops it, and not before", function()
    local k = shared(4)
    for i = 2, 4 do
      assert.same({}, k:sql "SELECT 1 FROM clist WHERE vref = 'o+1' AND NOT reachable")
      k:send("ko" .. i, "drop", {})
      k:crank { syscalls = { { drop_imports = { "o-1" } }, { retire_imports = { "o-1" } } } }
    end
    assert.same({ "v1 drop_exports o+1", "v1 retire_exports o+1" }, kinds(k:drain()))
    assert.is_nil(k:value "SELECT 1 FROM clist WHERE vref = 'o+1'")
  end)

  it("of a vat that ended is retired by its importers", function()
    local k = shared(4)
    k:terminate "v1"
    for i = 4, 2, -1 do
      k:send("ko" .. i, "go", {})
    end
    local seen = {}
    for _, delivery in ipairs(k:drain(function(delivery)
      return delivery.kind == "message" and { syscalls = { { drop_imports = { "o-1", "o-2" } } } } or {}
    end)) do
      for _, vref in ipairs(delivery.kind == "retire_imports" and delivery.refs or {}) do
        seen[#seen + 1] = delivery.vat .. " " .. vref
      end
    end
    table.sort(seen)
    assert.same({ "v2 o-1", "v2 o-2", "v3 o-1", "v3 o-2", "v4 o-1", "v4 o-2" }, seen)
    assert.equal(0, k:value "SELECT count(*) FROM object WHERE owner = 1")
  end)

  it("is told by vat, numbers as numbers, then drops before retirements", function()
    local names = {}
    for i = 1, 12 do
      names[i] = "vat" .. i
    end
    local k = play.kernel(names)
    for i = 12, 2, -1 do
      k:send("ko" .. i, "go", { "ko1" })
      k:crank { syscalls = { { send = "o-1", args = { "o+9", "o+7" } } } }
      k:crank()
    end
    k:send("ko1", "drop", {})
    local refs = {}
    for i = 22, 1, -1 do
      refs[#refs + 1] = "o-" .. i
    end
    k:crank { syscalls = { { drop_imports = refs }, { retire_imports = refs } } }
    local wanted = {}
    for i = 2, 12 do
      wanted[#wanted + 1] = ("v%d drop_exports o+9 o+7"):format(i)
      wanted[#wanted + 1] = ("v%d retire_exports o+9 o+7"):format(i)
    end
    assert.same(wanted, kinds(k:drain()))
  end)

  it("is not dropped when it is sent again before its turn", function()
    local k = shared(2)
    k:send("ko2", "drop", {})
    k:begin()
    k:finish { syscalls = { { drop_imports = { "o-1" } }, { drop_imports = { "o-2" } } } }
    k:pin(k:kref("v1", "o+1"))
    assert.same({ "v1 drop_exports o+2" }, kinds(k:drain()))
  end)

  it("takes turns with the queue", function()
    local k = shared(2)
    k:send("ko2", "drop", {})
    k:begin()
    k:finish { syscalls = { { drop_imports = { "o-2" } }, { retire_imports = { "o-2" } } } }
    for i = 1, 4 do
      k:send("ko2", "m" .. i, {})
    end
    local order = {}
    for i, delivery in ipairs(k:drain()) do
      order[i] = delivery.method or delivery.kind
    end
    assert.same({ "drop_exports", "m1", "retire_exports", "m2", "m3", "m4" }, order)
  end)

  it("is found again after a restart", function()
    local k = shared(3, play.path())
    k:send("ko2", "drop", {})
    k:begin()
    k:finish { syscalls = { { drop_imports = { "o-2" } } } }
    k:reopen()
    assert.same({ "v1 drop_exports o+2" }, kinds(k:drain()))
    k:send("ko2", "retire", {})
    k:begin()
    k:finish { syscalls = { { retire_imports = { "o-2" } } } }
    k:reopen()
    assert.same({ "v1 retire_exports o+2" }, kinds(k:drain()))
  end)

  it("comes in batches of 1,000", function()
    local k = play.kernel { "a", "b" }
    local args = {}
    for i = 1, 2500 do
      args[i] = "o+" .. i
    end
    k:send("ko1", "go", {})
    k:crank { syscalls = { { send = "o+0", args = args } } }
    local sizes = {}
    for _, delivery in ipairs(k:drain()) do
      if delivery.refs then
        sizes[#sizes + 1] = delivery.kind .. " " .. #delivery.refs
      end
    end
    assert.same({ "drop_exports 1000", "drop_exports 1000", "drop_exports 500", "retire_exports 1000",
      "retire_exports 1000", "retire_exports 500" }, sizes)
    assert.same({ { 2 } }, k:sql "SELECT count(*) FROM object")
  end)

  it("is brought out after so many deliveries, again and again", function()
    local k = play.kernel({ "a" }, { a = { reap_interval = 3 } })
    local order = {}
    for i = 1, 7 do
      k:send("ko1", "m" .. i, {})
      for _, delivery in ipairs(k:drain()) do
        order[#order + 1] = delivery.method or delivery.kind
      end
    end
    assert.same({ "m1", "m2", "m3", "bring_out_your_dead", "m4", "m5", "m6", "bring_out_your_dead", "m7" }, order)
  end)
end)
