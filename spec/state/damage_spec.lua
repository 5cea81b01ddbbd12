--- Rows that no kernel can have written: a clear error or a life without them, and never a crash.

local lottery = require "spec.support.lottery"
local pace = require "spec.support.pace"
local play = require "spec.support.play"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

--- A database with something in every table.
local function sample(seed)
  local game = lottery.new { seed = seed, illegal = 0.01, audit_every = 50, compare_every = 1000,
    kernels = { { reopen = 0 } } }
  game:play(150)
  local k = game.kernels[1]
  assert(k:commit(), k:stopped())
  k.kernel:close()
  local text = read(k.path)
  play.clean()
  return text
end

local VALUES <const> = {
  INTEGER = { "0", "-1", "1", "2", "7", "999999", "9223372036854775807", "NULL" },
  TEXT = { "''", "'zzz'", "'ko1'", "'kp1'", "'ko999999'", "'kp999999 ko1'", "'o-1'", "'p-1'", "'o+0'",
    "'fulfilled'", "'unresolved'", "'suspended'", "'notify'", "'message'", "NULL" },
  BLOB = { "x''", "x'ff'", "x'81'", "NULL" },
}

--- Every column of a table set to something else, and every row gone, one row at a time.
local function damages(k)
  local list = {}
  for _, row in ipairs(k:sql "SELECT name FROM sqlite_schema WHERE type = 'table'") do
    local name = row[1]
    for n = 0, 2 do
      local where = (" WHERE (%s) IN (SELECT %s FROM %s LIMIT 1 OFFSET %d)")
      local keys = {}
      for _, column in ipairs(k:sql(("SELECT name FROM pragma_table_info('%s') WHERE pk > 0"):format(name))) do
        keys[#keys + 1] = column[1]
      end
      keys = table.concat(keys, ", ")
      where = where:format(keys, keys, name, n * 3)
      for _, column in ipairs(k:sql(("SELECT name, type FROM pragma_table_info('%s')"):format(name))) do
        for _, value in ipairs(VALUES[column[2]]) do
          list[#list + 1] = ("UPDATE OR IGNORE %s SET %s = %s%s"):format(name, column[1], value, where)
        end
      end
      list[#list + 1] = ("DELETE FROM %s%s"):format(name, where)
    end
  end
  return list
end

--- Answers every delivery with something that touches what came with it.
local function answer(delivery)
  local syscalls = {}
  if delivery.result then
    syscalls[1] = { resolve = { { delivery.result, "fulfilled", delivery.slots } } }
  end
  for _, settlement in ipairs(delivery.settlements or {}) do
    syscalls[#syscalls + 1] = { send = "o+0", args = settlement.slots }
  end
  return { syscalls = syscalls }
end

--- All that a host may do with a kernel; true when the store failed.
local function live(k)
  for _ = 1, 60 do
    local step, delivery = k:begin()
    if step == "deliver" then
      k:finish(answer(delivery))
    elseif step ~= "done" then
      break
    end
  end
  for i = 1, 4 do
    k:resume("v" .. i)
    local root = not k:stopped() and k:root("v" .. i)
    if root then
      k:send(root, "m", {})
    end
  end
  for _ = 1, 20 do
    local step, delivery = k:begin()
    if step == "deliver" then
      k:finish(answer(delivery))
    end
  end
  for i = 1, 6 do
    if not k:stopped() then
      k:terminate("v" .. i)
    end
  end
  for _ = 1, 20 do
    if k:begin() == "deliver" then
      k:finish {}
    end
  end
  k:audit()
  k:dump()
  return not k:commit()
end

describe("a damaged row", function()
  after_each(play.clean)

  it("is an error that says so, or nothing, whatever it is", function()
    local seed = tonumber(os.getenv "SEED") or 5
    local count = tonumber(os.getenv "COUNT") or pace.rounds(700)
    local text = sample(seed)
    local path = play.path()
    write(path, text)
    local k = play.open(path)
    local list = damages(k)
    k.kernel:close()
    assert.is_true(#list > 1000)
    local failed = 0
    for i = 1, count do
      local sql = list[(i * 7919 + seed) % #list + 1]
      os.remove(path .. "-lock") -- one that failed leaves its note, which may be ahead of this one
      write(path, text)
      local kernel = assert(play.try_open(path))
      if os.getenv "SHOW" then
        print(sql)
      end
      kernel:sql(sql)
      kernel:commit()
      kernel.kernel:close()
      kernel = play.try_open(path)
      if kernel then
        if live(kernel) then
          failed = failed + 1
          local why = kernel:stopped()
          assert.is_truthy(why:find "kernel%.db is damaged: table %l+, row %-?%d+ makes no sense"
            or why:find "kernel%.db: the store failed: ", sql .. ": " .. why)
        end
        kernel.kernel:close()
      end
    end
    assert.is_true(failed > count / 50, failed .. " of " .. count .. " were noticed")
  end)

  for what, case in pairs {
    ["a promise's state"] = { "UPDATE promise SET state = 'odd'", "promise" },
    ["a promise's value"] = { "UPDATE promise SET slots = 'kp1 odd' WHERE state <> 'unresolved'", "promise" },
    ["a message's target"] = { "UPDATE queue SET target = 'odd'", "queue" },
    ["a c-list's vref"] = { "UPDATE clist SET vref = 'odd' WHERE vref = 'o-1'", "clist" },
    ["a vat's state"] = { "UPDATE vat SET state = 'odd'", "vat" },
    ["more holds than there are references"] = { "UPDATE hold SET count = 1000000000", "hold" },
    ["a missing object"] = { "DELETE FROM object WHERE id = 2", "object" },
  } do
    it("is named: " .. what, function()
      local k = play.kernel({ "a", "b" }, nil, play.path())
      k:send("ko1", "go", { "ko2" })
      k:crank { syscalls = { { send = "o-1", args = { "p+1" } }, { resolve = { { "p+1", "fulfilled", {} } } } } }
      assert.is_true(k:commit())
      k:sql(case[1])
      k:reopen()
      k:begin()
      assert.is_truthy(k:stopped(), "went on")
      assert.is_truthy(k:stopped():find("is damaged: table " .. case[2] .. ", row", 1, true), k:stopped())
    end)
  end

  it("is named when a settled promise has somebody who could settle it again", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = { { send = "o-1", args = { "p+1" } } } }
    assert.is_true(k:commit())
    k:sql "UPDATE promise SET state = 'fulfilled'"
    k:reopen()
    k:terminate "v1"
    assert.is_truthy(k:stopped():find("is damaged: table promise, row", 1, true), k:stopped())
  end)

  for _, name in ipairs { "vat", "cluster", "object", "promise", "queue" } do
    it("is named when its number is still to be given: " .. name, function()
      local k = play.kernel({ "a" }, nil, play.path())
      k:send("ko1", "go", { "ko1" })
      if name == "cluster" then
        k:sql "INSERT INTO cluster VALUES (2, NULL)"
      end
      k:sql("UPDATE meta SET value = 0 WHERE name = '" .. (name == "queue" and "seq" or name) .. "'")
      assert.is_true(k:commit())
      k.kernel:close()
      local opened, reason = play.try_open(k.path)
      assert.is_nil(opened)
      assert.is_truthy(reason:find("is damaged: table " .. name .. ", row %d+ makes no sense"), reason)
    end)
  end

  for what, follows in pairs { itself = "id", ["each other"] = "5 - id" } do
    it("is named when promises follow " .. what .. ", and nobody walks in a circle", function()
      local k = play.kernel({ "a" }, nil, play.path())
      k:send("ko1", "go", {})
      k:crank { syscalls = { { send = "o+0", args = { "p+1", "p+2" } } } }
      assert.is_true(k:commit())
      k:sql("UPDATE promise SET decider = -1, follows = " .. follows .. " WHERE id IN (2, 3)")
      k:reopen()
      k:send("kp2", "m", {})
      while k:begin() == "deliver" do
        k:finish {}
      end
      assert.is_truthy(k:stopped():find("is damaged: table promise, row", 1, true), k:stopped())
    end)
  end

  --- Why a kernel stopped that sql damaged while kp2 was the result of a message from v1 to v2, and v1
  -- decided kp1; its vats answer nothing, and end.
  local function life_after(sql)
    local k = play.kernel({ "a", "b" }, nil, play.path())
    k:send("ko1", "go", { "ko2" })
    k:crank { syscalls = { { send = "o-1", args = {}, result = "p+1" } } }
    assert.equal(2, k:value "SELECT max(id) FROM promise")
    assert(k:commit())
    k:sql(sql)
    k:reopen()
    for _ = 1, 5 do
      if k:begin() == "deliver" then
        k:finish {}
      end
    end
    if not k:stopped() then
      k:terminate "v2"
      k:terminate "v1"
    end
    while k:begin() == "deliver" do
      k:finish {}
    end
    return k:stopped()
  end

  for what, case in pairs {
    ["a message's result has settled"] = { "queue",
      "UPDATE promise SET state = 'fulfilled', body = x'80', slots = '', decider = NULL, refcount = 9 WHERE id = 2" },
    ["a message's result has a decider"] = { "queue", "UPDATE promise SET decider = 1 WHERE id = 2" },
    ["a message's result is what it waits for"] = { "queue",
      "UPDATE queue SET on_promise = 1, target = 'kp1', result = 'kp1' WHERE result = 'kp2'" },
    ["a vat decides a promise that follows another"] = { "promise",
      "UPDATE promise SET decider = 2, follows = 1 WHERE id = 2" },
    ["the kernel decides a promise that follows none"] = { "promise",
      "UPDATE promise SET decider = -1 WHERE id = 2" },
  } do
    it("is named when " .. what, function()
      local why = life_after(case[2])
      assert.is_truthy(why, "went on")
      assert.is_truthy(why:find("is damaged: table " .. case[1] .. ", row", 1, true), why)
    end)
  end

  it("is named when the numbers of a counter come to an end", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:sql("UPDATE meta SET value = " .. (1 << 59) .. " WHERE name = 'seq'")
    assert.is_true(k:commit())
    k.kernel:close()
    local opened, reason = play.try_open(k.path)
    assert.is_nil(opened)
    assert.is_truthy(reason:find("is damaged: table meta, row %d+ makes no sense"), reason)
  end)

  it("is named when an upgraded vat's root is missing", function()
    local k = play.kernel({ "a" }, nil, play.path())
    k:send_upgrade("v1", "", nil)
    assert.is_true(k:commit())
    k:sql "DELETE FROM clist"
    k:reopen()
    assert.equal("upgrade", (k:begin()))
    k:upgrade_finish {}
    assert.is_truthy(k:stopped():find("is damaged: table clist, row 1", 1, true), k:stopped())
  end)

  it("does not hold up the clean-up of other vats, when it is a vat that ended", function()
    local k = play.kernel({ "a", "b" }, nil, play.path())
    assert.is_true(k:commit())
    k:sql "UPDATE vat SET state = 'terminated', cleaned = 0"
    k:sql "UPDATE vat SET id = -1 WHERE id = 1"
    k:reopen()
    local steps = 0
    while steps < 100 and k:begin() == "done" do
      steps = steps + 1
    end
    assert.is_true(steps > 0 and steps < 100, steps)
  end)
end)
