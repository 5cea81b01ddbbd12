--- Vats start, all or none; are suspended and resumed; end, and what was theirs ends with them.

local play = require "spec.support.play"

describe("starting", function()
  after_each(play.clean)

  it("delivers start_vat with the parameters, which the vat's row holds", function()
    local k = play.kernel { "a" }
    local id, delivery = k:start("b", { parameters = { "ko1", 5 } }, { interface = "Root" })
    assert.same({ "v2", "start_vat", "b", 0, "@o-1, 5" },
      { id, delivery.kind, delivery.name, delivery.incarnation, delivery.text })
    assert.equal("ko2", k:root "v2")
    assert.equal("Root", k:value "SELECT interface FROM object WHERE id = 2")
    assert.is_truthy(k:holders "ko1":find "parameters\tv2")
    k:check()
    k:terminate "v2"
    k:check()
    k:drain()
    assert.same({ { 0, 0 } }, k:sql "SELECT reachable, recognizable FROM object WHERE id = 1")
  end)

  it("may send", function()
    local k = play.kernel { "a" }
    k:start("b", { parameters = { "ko1" } }, { syscalls = {
      { send = "o-1", method = "hello", args = { "o+0" }, result = "p+1" }, { subscribe = "p+1" },
    } })
    assert.same({ "v1 hello (@o-1) -> p-1" }, play.lines(k:drain()))
  end)

  for what, outcome in pairs {
    fault = { fault = "start", reason = "main.lua:1: no" },
    ["illegal syscall"] = { syscalls = { { send = "o-1", args = { "o+1" } }, { send = "o-7" } } },
    exit = { syscalls = { { exit = true } } },
  } do
    it("of two vats leaves nothing when the second fails by " .. what, function()
      local k = play.kernel { "a" }
      k:send("ko1", "waits", {})
      local before = k:dump()
      k:start_begin()
      k:start_vat("b", { parameters = { "ko1", "ko1" } })
      assert.is_true(k:start_finish { interface = "Root", changes = { { key = "k", after = "v" } },
        syscalls = { { send = "o-1", args = { "o+1", "p+1" }, result = "p+2" }, { subscribe = "p+2" } } })
      k:start_vat("c", { parameters = { "ko1", "ko2" } })
      local good, reason = k:start_finish(outcome)
      assert.is_false(good)
      assert.is_truthy(reason:find(outcome.reason or (what == "exit" and "ended itself" or "o-7 is nothing"),
        1, true), reason)
      k:start_end(false)
      k:check()
      assert.equal(before, k:dump())
      assert.equal(0, k:value "SELECT count(*) FROM vatstore")
      -- and the numbers are given again
      assert.equal("v2", (k:start "b"))
    end)
  end

  it("of two vats leaves nothing in the file either, flushed in the middle or not", function()
    for _, flush in ipairs { false, true } do
      local k = play.kernel({ "a" }, nil, play.path())
      assert.is_true(k:commit())
      local before = k:dump()
      k:start_begin()
      k:start_vat("b", { parameters = { "ko1" } })
      assert(k:start_finish { syscalls = { { send = "o-1", result = "p+1" } },
        changes = { { key = "k", after = "v" } } })
      if flush then
        k:sql "SELECT 1"
      end
      k:start_vat("c", {})
      k:start_end(false)
      k:reopen()
      assert.equal(before, k:dump())
      k:check()
      play.clean()
    end
  end)
end)

describe("ending", function()
  after_each(play.clean)

  local function reason(k, result)
    local state, text = k:outcome(result)
    return state .. " " .. (text and text:match 'name = "(%a+)"' or "")
  end

  it("rejects what is queued, parked, in flight and decided, and callers never hang", function()
    local k = play.kernel { "a", "b", "c" }
    -- v2 gives v1 a promise of its own, and has a message of v1 open
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = {
      { send = "o-1", method = "open", result = "p+1" },
      { send = "p+1", method = "pipelined", result = "p+2" },
      { subscribe = "p+1" }, { subscribe = "p+2" },
    } }
    k:crank { syscalls = { { send = "o+0", method = "self" } } } -- v2 does not answer "open"
    k:crank()                                                    -- "pipelined" is parked
    local queued = k:send("ko2", "queued", {})
    assert.is_true(k:terminate("v2", "told to"))
    k:check()
    local later = k:send("ko3", "witness", {})
    local lines = play.lines(k:drain())
    assert.same({
      'v1 notify p+1 rejected (Error {name = "VatTerminated", message = "vat terminated"})',
      "v3 witness () -> p-1",
      'v1 notify p+2 rejected (Error {name = "VatTerminated", message = "vat terminated"})',
    }, lines)
    assert.equal("rejected VatTerminated", reason(k, queued))
    assert.equal("unresolved ", reason(k, later))
    assert.is_false(k:terminate "v2")
    assert.is_false(k:suspend "v2")
    assert.is_false(k:resume "v2")
    assert.same({}, k:sql "SELECT * FROM clist WHERE vat = 2")
  end)

  it("rejects what waits with a suspended vat", function()
    local k = play.kernel { "a" }
    k:suspend "v1"
    local one, two = k:send("ko1", "m", {}), k:send("ko1", "m", {})
    k:drain()
    k:terminate "v1"
    k:drain()
    assert.equal("rejected VatTerminated", reason(k, one))
    assert.equal("rejected VatTerminated", reason(k, two))
    assert.equal(0, k:value "SELECT count(*) FROM queue")
  end)

  it("orphans what others hold, and it goes with the last of them", function()
    local k = play.kernel { "a", "b" }
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = { { send = "o-1", args = { "o+1 Thing" } } } }
    k:crank()
    local kref = k:kref("v2", "o-1")
    k:terminate "v1"
    k:check()
    assert.is_true(k:exists(kref))
    assert.equal("rejected VatTerminated", reason(k, (function()
      local result = k:send(kref, "m", {})
      k:drain()
      return result
    end)()))
    k:send("ko2", "drop", {})
    k:crank { syscalls = { { drop_imports = { "o-1" } } } }
    assert.equal("v2 retire_imports o-1", play.line(k:crank()))
    assert.is_false(k:exists(kref))
  end)

  it("leaves no row of its durable tables and transcript, before or after a commit", function()
    for _, commit in ipairs { false, true } do
      local k = play.kernel({ "a", "b" }, nil, play.path())
      for _, root in ipairs { "ko1", "ko2" } do
        k:send(root, "go", {})
        k:crank { changes = { { key = "k", after = "v" },
          { space = "durable", key = "d", after = "\x81\x05", slots = { "o+0" } } } }
      end
      if commit then
        assert(k:commit())
      end
      k:terminate "v1"
      k:drain()
      k:reopen()
      assert.same({ { 2, 2, 2 } }, k:sql [[SELECT (SELECT sum(vat) FROM vatstore),
        (SELECT sum(vat) FROM durable), (SELECT max(vat) FROM transcript)]])
      assert.equal(0, k:value "SELECT count(*) FROM transcript WHERE vat = 1")
      play.clean()
    end
  end)

  it("of all vats leaves nothing but their rows", function()
    local k = play.kernel { "a", "b", "c" }
    local results = {}
    for i = 1, 5 do
      results[i] = k:send("ko1", "go", { "ko2", "ko3" })
    end
    k:drain(function(delivery)
      return delivery.method == "go" and { syscalls = {
        { send = "o-1", args = { "o+1", "p+" .. delivery.result:sub(3) }, result = "p+1" .. delivery.result:sub(3) },
      } } or {}
    end)
    for _, vat in ipairs { "v2", "v1", "v3" } do
      k:terminate(vat)
    end
    k:drain()
    for _, result in ipairs(results) do
      assert.equal("rejected VatTerminated", reason(k, result))
      k:release(result)
    end
    k:drain()
    for _, name in ipairs { "clist", "object", "promise", "queue", "hold", "subscriber" } do
      assert.equal(0, k:value("SELECT count(*) FROM " .. name), name)
    end
  end)
end)

describe("a vat without a transcript", function()
  after_each(play.clean)

  it("is rebuilt by the first crank after an opening, as the next incarnation", function()
    local k = play.kernel({ "a", "b" }, { a = { transcript = false, parameters = { 5 } } }, play.path())
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = { { send = "o-1", method = "keep", args = { "p+1", "o+1 Lost", "o+d1/1" } } },
      changes = { { space = "durable", key = "d", after = "\x81\x05", slots = { "o-1" } },
        { space = "durable", key = "tr" .. string.pack(">I8", 13), after = "\x82\x01\x00" } } }
    k:crank { syscalls = { { subscribe = "p-1" } } }
    local lost, durable = k:kref("v1", "o+1"), k:kref("v1", "o+d1/1")
    assert.is_nil(k:value "SELECT 1 FROM transcript WHERE vat = 1")
    k:reopen()
    local delivery = k:crank()
    assert.same({ "v1", "start_vat", 1, "5" },
      { delivery.vat, delivery.kind, delivery.incarnation, delivery.text })
    assert.equal("o-1", k:vref("v1", "ko2"))
    assert.equal("o+d1/1", k:vref("v1", durable))
    assert.is_nil(k:vref("v1", lost))
    assert.same({ 'v2 notify p-1 rejected (Error {name = "VatUpgraded", message = "vat upgraded",'
      .. ' incarnation = 0})' }, play.lines(k:drain()))
    local result = k:send(lost, "m", {})
    k:crank()
    assert.is_truthy(select(2, k:outcome(result)):find("ObjectAbandoned", 1, true))
  end)

  it("fails with the reason when it cannot be rebuilt, and leaves what it had", function()
    local k = play.kernel({ "a" }, { a = { transcript = false } }, play.path())
    local before = k:dump()
    k:reopen()
    assert.equal("deliver", (k:begin()))
    k:finish { fault = "start", reason = "main.lua:3: no" }
    k:check()
    assert.same({ { "failed", "main.lua:3: no", 0 } }, k:sql "SELECT state, fault, incarnation FROM vat")
    assert.equal(before:gsub("running", "failed"), k:dump())
    assert.is_false(k:crank())
  end)

  for _, how in ipairs { "queued", "now" } do
    it("is not rebuilt once more when it could not be, and was upgraded instead: " .. how, function()
      local k = play.kernel({ "a" }, { a = { transcript = false } }, play.path())
      k:reopen()
      assert.equal("deliver", (k:begin()))
      k:cannot_load "no"
      if how == "now" then
        k:upgrade_begin("v1", "")
        assert.is_true(k:upgrade_try({}, true))
      else
        k:send_upgrade("v1", "")
        assert.equal("start_vat", k:crank().kind)
      end
      assert.is_false(k:crank())
      assert.same({ { "running", 1 } }, k:sql "SELECT state, incarnation FROM vat")
    end)
  end

  it("is not rebuilt in the process that started it", function()
    local k = play.kernel({ "a" }, { a = { transcript = false } })
    assert.is_false(k:crank())
  end)
end)
