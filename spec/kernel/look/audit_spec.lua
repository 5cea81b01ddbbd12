--- The audit says nothing of a kernel at work, and finds every kind of damage.

local play = require "spec.support.play"

--- Something of everything: a queue, parked messages, followers, subscribers, holds, a suspended
-- vat, settled and unsettled promises, dropped imports.
local function busy()
  local k = play.kernel({ "a", "b", "c" })
  k:pin "ko1"
  k:hold "ko2"
  k:start("d", { parameters = { "ko1" } })
  k:suspend "v3"
  k:send("ko3", "waits", { "ko1" })
  k:crank()
  k:send("ko1", "go", { "ko2" })
  k:crank { syscalls = {
    { send = "o-1", args = { "p+1", "p+2", "p+3", "o+1 Thing", "o+2" }, result = "p+4" },
    { send = "p+1", method = "parked", result = "p+5" }, { send = "o+0", method = "queued", result = "p+6" },
    { send = "o+0", method = "queued" }, { subscribe = "p+4" },
  } }
  k:crank { syscalls = { { subscribe = "p-1" }, { subscribe = "p-3" }, { drop_imports = { "o-1" } } } }
  k:crank()
  k:send("ko1", "go", {})
  k:crank()
  k:crank()
  k:crank { syscalls = { { resolve = { { "p+2", "follow", "p+1" }, { "p+3", "fulfilled", { "o+2", "p+1" } } } } } }
  k:send("ko1", "more", { "ko2" })
  k:check "busy"
  return k
end

-- What is done to the file, and what the audit must say then; two patterns in one.
local DAMAGE <const> = {
  { "a count too high", "UPDATE promise SET refcount = refcount + 1 WHERE id = (SELECT max(id) FROM promise)",
    "kp%d+: refcount is %d+ and should be %d+; held by: " },
  { "a count too low", "UPDATE object SET reachable = reachable - 1 WHERE id = 1",
    "ko1: reachable is %d+ and should be %d+; held by: " },
  { "a recognizable count", "UPDATE object SET recognizable = recognizable + 1 WHERE id = 2",
    "ko2: recognizable is %d+ and should be %d+; held by: " },
  { "a held thing that is gone", "DELETE FROM object WHERE id = 1", "ko1 is held but does not exist; held by: " },
  { "a held promise that is gone", "DELETE FROM promise WHERE follows IS NOT NULL",
    "kp%d+ is held but does not exist" },
  { "a c-list of nobody", "UPDATE clist SET vat = 9 WHERE vref = 'o+1'",
    "v9 o%+1: the vat does not exist or has ended" },
  { "a c-list of a vat that ended", "UPDATE vat SET state = 'terminated', cleaned = 1 WHERE id = 2",
    "v2 o%+0: the vat does not exist or has ended" },
  { "an owner without an entry", "DELETE FROM clist WHERE vref = 'o+2'",
    "ko%d+: its owner v1 does not have it in its c%-list" },
  { "an export of another's", "UPDATE object SET owner = 2 WHERE id = 1",
    "ko1: v1 exports it as o%+0 but does not own it" },
  { "a decider without an entry", "UPDATE promise SET decider = 3 WHERE id = (SELECT promise FROM subscriber)",
    "kp%d+: its decider v3 does not have it in its c%-list" },
  { "a settled promise with a decider", "UPDATE promise SET decider = 1 WHERE state = 'fulfilled'",
    "kp%d+: settled, but has a decider or follows another" },
  { "a settled promise that follows", "UPDATE promise SET follows = 1 WHERE state = 'fulfilled'",
    "kp%d+: settled, but has a decider or follows another" },
  { "a settled promise without a value", "UPDATE promise SET body = NULL WHERE state = 'fulfilled'",
    "kp%d+: settled, but without a value" },
  { "a promise that nobody will settle",
    "UPDATE promise SET decider = NULL WHERE decider = 1", "kp%d+: nobody will settle it" },
  { "a promise left to the kernel", "UPDATE promise SET follows = NULL WHERE follows IS NOT NULL",
    "kp%d+: the kernel decides it, but it follows nothing" },
  { "a promise that follows a settled one",
    "UPDATE promise SET follows = (SELECT id FROM promise WHERE state = 'fulfilled') WHERE follows IS NOT NULL",
    "kp%d+: follows a promise that is settled or gone" },
  { "a promise that follows nothing", "UPDATE promise SET follows = 999 WHERE follows IS NOT NULL",
    "kp%d+: follows a promise that is settled or gone" },
  { "a subscriber who does not know it", "INSERT INTO subscriber SELECT promise, 3 FROM subscriber LIMIT 1",
    "kp%d+: v3 subscribes to it but does not know it" },
  { "a subscriber to what has settled",
    "INSERT INTO subscriber SELECT id, 1 FROM promise WHERE state = 'fulfilled'",
    "kp%d+: has subscribers but is settled or gone" },
  { "a message parked on what has settled",
    "UPDATE queue SET on_promise = (SELECT id FROM promise WHERE state = 'fulfilled') WHERE on_promise IS NOT NULL",
    "queue %d+: parked on kp%d+, which is settled, gone or follows another" },
  { "a message parked on what follows",
    "UPDATE queue SET on_promise = (SELECT id FROM promise WHERE follows IS NOT NULL) WHERE on_promise IS NOT NULL",
    "queue %d+: parked on kp%d+, which is settled, gone or follows another" },
  { "a message parked with a running vat", "UPDATE vat SET state = 'running' WHERE id = 3",
    "queue %d+: parked with v3, which takes deliveries or is gone" },
  { "a result that somebody decides",
    "UPDATE promise SET decider = 1 WHERE 'kp' || id = (SELECT max(result) FROM queue)",
    "queue %d+: its result kp%d+ is decided by somebody already" },
  { "a notify of what has not settled", "UPDATE promise SET state = 'unresolved' WHERE state = 'fulfilled'",
    "queue %d+: a notify of a promise that has not settled" },
  { "a count below zero", "UPDATE object SET reachable = -1 WHERE id = 2",
    "object 2: reachable exceeds recognizable, or one is negative" },
  { "more reachable than recognizable", "UPDATE object SET reachable = 50 WHERE id = 2",
    "object 2: reachable exceeds recognizable, or one is negative" },
  { "a pin more often than can be", "UPDATE hold SET count = 9223372036854775807 WHERE kind = 'pin'",
    "ko1: held 9223372036854775807 times by one holder, which cannot be" },
  { "a pin less than once", "UPDATE hold SET count = -1 WHERE kind = 'pin'",
    "ko1: held %-1 times by one holder, which cannot be" },
  { "a bundle that is gone", "DELETE FROM bundle", "vat 1: its bundle is not in the database" },
}

describe("the audit", function()
  after_each(play.clean)

  it("has nothing to say of a busy kernel", function()
    assert.equal("", busy():audit())
  end)

  for _, case in ipairs(DAMAGE) do
    it("finds " .. case[1], function()
      local k = busy()
      k:sql(case[2])
      assert.is_nil(k:stopped())
      local problems = k:audit()
      assert.is_truthy(("\n" .. problems):find("\n" .. case[3]), problems)
    end)
  end

  it("finds a wrong count of the messages on their way to a promise", function()
    local k = busy()
    local kref = "kp" .. k:value "SELECT on_promise FROM queue WHERE on_promise IS NOT NULL"
    k:send(kref, "on its way", {})
    k:check "before"
    k:sql("UPDATE queue SET target = 'ko1' WHERE method = 'on its way'")
    local problems = k:audit()
    assert.is_truthy(problems:find(kref .. ": queued is 1 and should be 0\n", 1, true), problems)
  end)

  it("names each holder of a difference", function()
    local k = busy()
    k:sql "UPDATE object SET reachable = 0 WHERE id = 1"
    local problems = k:audit()
    for _, holder in ipairs { "pin", "parameters v4", "clist v4 o%-1 reachable", "parked %d+", "queue %d+" } do
      assert.is_truthy(problems:find(holder), holder .. " is missing in " .. problems)
    end
  end)
end)

describe("the holders of a reference", function()
  after_each(play.clean)

  it("are told with how they hold it", function()
    local k = busy()
    local function kinds(kref)
      local set, list = {}, {}
      for kind in k:holders(kref):gmatch "(%l+)\t[^\n]*\n" do
        set[kind] = true
      end
      for kind in pairs(set) do
        list[#list + 1] = kind
      end
      table.sort(list)
      return table.concat(list, " ")
    end
    assert.equal("clist parameters parked pin queue", kinds "ko1")
    assert.equal("clist host queue", kinds "ko2")
    local followed = "kp" .. k:value "SELECT follows FROM promise WHERE follows IS NOT NULL"
    assert.equal("clist follower parked value", kinds(followed))
    assert.equal("", k:holders "ko99")
  end)
end)
