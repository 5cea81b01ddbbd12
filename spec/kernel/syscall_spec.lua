--- What a vat may ask for, and that a crank with anything else leaves no trace.

local play = require "spec.support.play"

--- v2 knows an object of v1 as o-1 and its root as o-2, a promise p-1 that v1 decides, and decides
-- p-2 itself.
local function two()
  local k = play.kernel { "a", "b" }
  k:pin "ko2"
  k:send("ko1", "go", { "ko2" })
  k:crank { syscalls = { { send = "o-1", method = "take", args = { "p+1", "o+5", "o+0" }, result = "p+2" } } }
  k:crank { syscalls = { { subscribe = "p-1" } } }
  return k
end

-- Syscalls that v2 may not make then, and how the fault begins.
local ILLEGAL <const> = {
  { "a message to an import never given", { send = "o-9" }, "o-9 is nothing that this vat was given" },
  { "a message to a promise never given", { send = "p-9" }, "p-9 is nothing" },
  { "an argument never given", { send = "o-1", args = { "o+1", "o-9" }, result = "p+9" }, "o-9 is nothing" },
  { "a result that is known", { send = "o-1", result = "p-1" }, "p-1 cannot be a result" },
  { "a result that is an import", { send = "o-1", result = "p-9" }, "p-9 cannot be a result" },
  { "a result that is an object", { send = "o-1", result = "o+9" }, "o+9 cannot be a result" },
  { "a result that is an argument, too", { send = "o-1", args = { "p+9" }, result = "p+9" },
    "p+9 cannot be a result" },
  { "a subscription to an object", { subscribe = "o-1" }, "o-1 is no promise" },
  { "a subscription to a promise never given", { subscribe = "p-9" }, "p-9 is nothing" },
  { "settling another's promise", { resolve = { { "p-1", "fulfilled", {} } } },
    "p-1 is not for this vat to settle" },
  { "settling a promise never given", { resolve = { { "p-9", "fulfilled", {} } } }, "p-9 is nothing" },
  { "settling twice in a batch", { resolve = { { "p-2", "fulfilled", {} }, { "p-2", "rejected", {} } } },
    "p-2 has settled already" },
  { "following twice in a batch", { resolve = { { "p-2", "follow", "p-1" }, { "p-2", "follow", "p-1" } } },
    "p-2 is not for this vat to settle" },
  { "settling an object", { resolve = { { "o-1", "fulfilled", {} } } }, "o-1 is no promise" },
  { "following an object", { resolve = { { "p-2", "follow", "o-1" } } }, "o-1 is no promise" },
  { "a value never given", { resolve = { { "p-2", "fulfilled", { "o-9" } } } }, "o-9 is nothing" },
  { "dropping what was never given", { drop_imports = { "o-9" } }, "o-9 is not this vat's to give up" },
  { "dropping an export", { drop_imports = { "o+0" } }, "o+0 is not this vat's" },
  { "dropping a promise", { drop_imports = { "p-1" } }, "p-1 is not this vat's" },
  { "dropping twice", { drop_imports = { "o-1", "o-1" } }, "o-1 was dropped by this vat already" },
  { "retiring what is reachable", { retire_imports = { "o-1" } }, "o-1 is retired while it is reachable" },
  { "retiring an export in use", { retire_exports = { "o+7" } }, "o+7 is still in use elsewhere",
    { send = "o-1", args = { "o+7" } } },
  { "retiring the root", { retire_exports = { "o+0" } }, "o+0 is the root" },
  { "abandoning the root", { abandon_exports = { "o+0" } }, "o+0 is the root" },
  { "abandoning an import", { abandon_exports = { "o-1" } }, "o-1 is not this vat's" },
  { "using what was dropped", { send = "o-1" }, "o-1 was dropped by this vat",
    { drop_imports = { "o-1" } } },
}

-- What a vat does before it goes too far: something of everything.
local BUSY <const> = {
  { send = "o-1", method = "x", args = { "o+1 Thing", "p+1", "o-2" }, result = "p+2" },
  { subscribe = "p+2" },
  { resolve = { { "p+1", "fulfilled", { "o+2", "p-1" } } } },
  { send = "p-1", args = { "o+3", "p+4" } },
  { resolve = { { "p+4", "follow", "p-1" } } },
  { drop_imports = { "o-2" } },
  { retire_imports = { "o-2" } },
}

describe("an illegal syscall", function()
  after_each(play.clean)

  for _, case in ipairs(ILLEGAL) do
    it("is " .. case[1], function()
      local k, reference = two(), two()
      for _, each in ipairs { k, reference } do
        each:send("ko2", "last", {})
        each.delivery = assert(select(2, each:begin()))
      end
      local syscalls = table.move(BUSY, 1, #BUSY, 1, {})
      syscalls[#syscalls + 1] = case[4]
      syscalls[#syscalls + 1] = case[2]
      assert.is_false(k:finish { syscalls = syscalls, changes = { { key = "k", after = "v" } } })
      k:check()
      -- the vat ends, as it would have had it done nothing else
      assert.is_false(reference:finish { syscalls = { { send = "o-77" } } })
      assert.equal(reference:dump(), k:dump())
      assert.equal("terminated", k:value "SELECT state FROM vat WHERE id = 2")
      local fault = k:value "SELECT fault FROM vat WHERE id = 2"
      assert.is_truthy(fault:find("illegal syscall: " .. case[3], 1, true), fault)
      assert.is_truthy(fault:find("%(in its syscall %d+, %l+_?%l*%)$"), fault)
      k:drain()
    end)
  end

  it("is a malformed list of syscalls or of changes", function()
    for _, outcome in ipairs {
      { syscalls = "\9" }, { syscalls = "\1\255" }, { syscalls = "\2\0" }, { syscalls = "\3\200" },
      { changes = "\7" }, { changes = "\0\200" }, { changes = "\0\1k\1\1" },
    } do
      local k = two()
      k:send("ko2", "last", {})
      k:begin()
      assert.is_false(k:finish(outcome))
      k:check()
      local fault = k:value "SELECT fault FROM vat WHERE id = 2"
      assert.is_truthy(fault:find("malformed", 1, true), fault)
      play.clean()
    end
  end)
end)

describe("a syscall", function()
  after_each(play.clean)

  it("send makes exports with their interface, once", function()
    local k = two()
    k:send("ko2", "go", {})
    k:crank { syscalls = { { send = "o-1", args = { "o+1 Thing", "o+1 Other", "o+d2/7 Purse", "o+2" } } } }
    local delivery = k:crank()
    assert.equal(4, #delivery.slots)
    assert.equal(delivery.slots[1], delivery.slots[2])
    assert.same({ { "" }, { "Purse" }, { "Thing" } },
      k:sql "SELECT interface FROM object WHERE owner = 2 AND id > 2 ORDER BY interface")
  end)

  it("counts what it sends while it is queued, and no longer", function()
    local k = two()
    k:send("ko2", "go", {})
    k:crank { syscalls = { { send = "o+0", args = { "o+1" } } } }
    local kref = k:kref("v2", "o+1")
    assert.same({ { 1, 1 } }, k:sql("SELECT reachable, recognizable FROM object WHERE id = " .. kref:sub(3)))
    assert.equal("queue\t" .. k:value "SELECT max(seq) FROM queue" .. "\t\nclist",
      (k:holders(kref):gsub("(.*)(queue.*)", "%2%1"):gsub("\tv2.*", "")))
    k:drain()
    assert.is_false(k:exists(kref))
  end)

  it("drop, retire and abandon take counts with them", function()
    local k = two()
    k:send("ko2", "go", {})
    k:crank { syscalls = { { drop_imports = { "o-1" } } } }
    local kref = k:kref("v1", "o+5")
    assert.same({ { 0, 1 } }, k:sql("SELECT reachable, recognizable FROM object WHERE id = " .. kref:sub(3)))
    assert.equal("v1 drop_exports o+5", play.line(k:crank()))
    k:send("ko2", "go", {})
    k:crank { syscalls = { { retire_imports = { "o-1" } } } }
    assert.equal("v1 retire_exports o+5", play.line(k:crank()))
    assert.is_false(k:exists(kref))
  end)

  it("an interface is said of the vat's own objects alone", function()
    local k = two()
    k:send("ko2", "go", {})
    local delivery = k:crank { syscalls = { { send = "o+0", args = { "o-1 Stolen", "p-1 Stolen", "p-2 Stolen" } } } }
    assert.is_true(delivery.kept)
    assert.equal(0, k:value "SELECT count(*) FROM object WHERE interface = 'Stolen'")
    assert.is_nil(k:stopped())
  end)

  it("a change whose slots are no references is malformed", function()
    for _, slots in ipairs { "\0", "\x04", "\x07", "\x80", ("\xff"):rep(9) .. "\1" } do
      local k = two()
      k:send("ko2", "go", {})
      local change = "\1\1k\0\1\1\x80" .. string.pack("s1", slots)
      local delivery = k:crank { syscalls = {}, changes = change }
      assert.is_false(delivery.kept)
      assert.is_truthy(k:value("SELECT fault FROM vat WHERE id = 2"):find "a malformed list of changes")
    end
  end)

  it("exit with a value keeps the crank, and rejects what the vat leaves open", function()
    local k = two()
    local result = k:send("ko2", "go", {})
    k:crank { syscalls = { { send = "o-1", method = "bye" }, { exit = true, args = { 1 } } },
      changes = { { key = "k", after = "v" } } }
    assert.equal("terminated", k:value "SELECT state FROM vat WHERE id = 2")
    assert.same({ "rejected", 'Error {name = "VatTerminated", message = "vat terminated"}' },
      { k:outcome(result) })
    assert.equal("v1 bye ()", play.line(k:crank()))
    k:drain()
    assert.equal(0, k:value "SELECT (SELECT count(*) FROM vatstore) + (SELECT count(*) FROM transcript WHERE vat = 2)")
  end)

  it("exit with a failure undoes the crank, and rejects its message", function()
    local k = two()
    local result = k:send("ko2", "go", {})
    k:begin()
    assert.is_false(k:finish { syscalls = { { send = "o-1", method = "bye" }, { exit = true, failure = true } } })
    k:check()
    assert.equal("rejected", (k:outcome(result)))
    for _, delivery in ipairs(k:drain()) do
      assert.not_equal("bye", delivery.method)
    end
  end)
end)
