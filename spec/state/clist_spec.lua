--- C-lists: one vref for one kref in each vat, whichever way it is asked, and across restarts.

local play = require "spec.support.play"

describe("a c-list", function()
  after_each(play.clean)

  it("gives one vref for one kref, and the kernel's numbers are never given twice", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:pin "ko2"
    for round = 1, 3 do
      k:send("ko1", "m", { "ko2", "ko2" })
      local vref = "o-" .. round
      assert.same({ vref, vref }, k:crank { syscalls = {
        { drop_imports = { vref } }, { retire_imports = { vref } },
      } }.slots)
      k:reopen()
      assert.is_nil(k:vref("v1", "ko2"))
    end
  end)

  it("knows an import that was dropped and comes again by its old number", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:pin "ko2"
    k:send("ko1", "m", { "ko2" })
    k:crank { syscalls = { { drop_imports = { "o-1" } } } }
    assert.same({ { 1, 2 } }, k:sql "SELECT reachable, recognizable FROM object WHERE id = 2")
    k:reopen()
    k:send("ko1", "m", { "ko2" })
    assert.same({ "o-1" }, k:crank().slots)
    assert.same({ { 2, 2 } }, k:sql "SELECT reachable, recognizable FROM object WHERE id = 2")
  end)

  it("brings back all entries of what is asked for, by kref or by vref, after a restart", function()
    local names, krefs = {}, {}
    for i = 1, 20 do
      names[i], krefs[i] = "vat" .. i, "ko" .. i
    end
    local k = play.kernel(names, nil, play.path())
    for i = 1, 20 do
      k:send("ko" .. i, "m", krefs)
    end
    k:drain()
    k:reopen()
    -- each import number of vat 7, asked for by the vat
    k:send("ko7", "m", {})
    local syscalls = {}
    for i = 1, 19 do
      syscalls[i] = { send = "o-" .. i, method = "hello", args = { "o+0" } }
    end
    k:crank { syscalls = syscalls }
    local reached = {}
    for i, delivery in ipairs(k:drain()) do
      reached[i] = delivery.vat
      assert.equal(k:vref(delivery.vat, "ko7"), delivery.slots[1])
    end
    assert.equal(19, #reached)
    assert.same({ { 20 } }, k:sql "SELECT count(*) FROM clist WHERE kref = 'ko7'")
  end)

  it("takes back the vref that a vat gives up and exports again", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    local function export()
      k:send("ko1", "m", { "ko2" })
      k:crank { syscalls = { { send = "o+0", args = { "o+5 Thing" } } } }
      k:drain() -- delivered, dropped, retired
      assert.is_nil(k:kref("v1", "o+5"))
    end
    export()
    export()
    k:reopen()
    export()
    assert.same({}, k:sql "SELECT * FROM object WHERE id > 2")
  end)

  it("is as before after an undone crank that removed and added the same vref", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:send("ko2", "m", { "ko1" })
    k:crank { syscalls = { { send = "o-1", args = { "o+5" } } } }
    k:crank()
    for _, flush in ipairs { false, true } do
      k:send("ko2", "m", {})
      local before = k:section "clists"
      k:begin()
      if flush then
        k:sql "SELECT 1"
      end
      assert.is_false(k:finish { fault = "time", syscalls = {
        { abandon_exports = { "o+5" } }, { send = "o-1", args = { "o+5 Other" } },
      } })
      k:check()
      assert.same(before, k:section "clists")
      k:reopen()
      assert.same(before, k:section "clists")
    end
  end)
end)
