--- The same random history on a store whose rows are all in memory and on one that fetches them as
--- they are read: every outcome must have the same bytes, and every kernel the same state.

local helpers = require "spec.support.helpers"
local kerneltest = require "moonvat.kerneltest"
local lone = require "spec.support.lone"
local pace = require "spec.support.pace"

-- One delivery does `n` things that its random numbers choose, and tells what it saw. Values are
-- now and then so large that what a paged store keeps is forgotten in the middle of a delivery.
local SOURCE <const> = [==[
  local pick = math.random
  local map, set, purses = vat.map "m", vat.set "s", vat.map "purses"
  local stores = { vat.vatstore, vat.vatstore, vat.baggage, map, set }
  local make = vat.kind("Purse", {
    deposit = function(self, n) self.balance = self.balance + n return self.balance end,
  })
  local seen

  local function see(...)
    for i = 1, select("#", ...) do
      local v = select(i, ...)
      v = type(v) == "string" and #v > 60 and #v .. v:sub(-5) or tostring(v)
      seen[#seen + 1] = v
    end
  end

  local odd = { "", "\0", "\0\0", "\xff", "\xff\xff", ("k"):rep(1024), ("k"):rep(1023) .. "l", "k" }
  local function key(store)
    local kind = pick(12)
    if kind == 1 then return odd[pick(#odd)] end
    if kind == 2 and store ~= vat.vatstore then return pick(-20, 20) end
    return ("%x"):format(pick(0, 400)):rep(pick(3) == 1 and 2 or 1)
  end
  local function value(store)
    if store == set then return true end
    local size = pick(8)
    if size == 1 then return ("%06d"):format(pick(999999)):rep(pick(40000)) end
    if size == 2 then return "" end
    return tostring(pick(50))
  end

  local doing = {
    function(s) see(s[key(s)]) end,
    function(s) s[key(s)] = value(s) end,
    function(s) s[key(s)] = value(s) end,
    function(s) s[key(s)] = nil end,
    function(s) -- set back to what it was
      local k = key(s)
      local old = s[k]
      s[k] = value(s)
      if pick(2) == 1 then s[k] = nil end
      s[k] = old
    end,
    function(s) for k, v in pairs(s) do see(k, v) end end,
    function(s) -- the first ones, with changes before and behind
      local left = pick(60)
      for k, v in pairs(s) do
        see(k, v)
        local what = pick(6)
        if what == 1 then s[k] = nil end
        if what == 2 then s[key(s)] = value(s) end
        if what == 3 then s[key(s)] = nil end
        if what == 4 and type(k) == "string" and #k < 1000 then s[k .. "\0"] = value(s) end
        left = left - 1
        if left < 0 then break end
      end
    end,
    function(s)
      for k in vat.range(s, ("%x"):format(pick(0, 40))) do
        see(k)
        if pick(5) == 1 then s[k] = nil end
      end
    end,
    function(s) -- from a key on that may not be there, as next() goes on
      local step, state = pairs(s)
      local k, v = key(s), nil
      for _ = 1, pick(80) do
        k, v = step(state, k)
        if k == nil then break end
        see(k, v)
      end
    end,
    function(s) -- much at once
      local from, way = pick(0, 300), pick(3)
      for i = from, from + pick(100) do
        s[("%x"):format(i)] = way > 1 and value(s) or nil
      end
    end,
    function() purses[pick(30)] = make { balance = pick(5) } end,
    function() purses[pick(30)] = nil end,
    function() for k, p in pairs(purses) do see(k, p:deposit(pick(0, 1))) end end,
    function() -- what is refused
      see(pcall(function() vat.vatstore[("k"):rep(1025)] = "v" end))
      see(pcall(function() vat.vatstore.k = 1 end))
      see(pcall(function() vat.baggage.k = print end))
    end,
  }

  return Far("Main", {
    play = function(self, seed, n, spins)
      math.randomseed(seed)
      seen = {}
      for _ = 1, n do doing[pick(#doing)](stores[pick(#stores)]) end
      while spins do end
      return table.concat(seen, " ")
    end,
  })
]==]

local ROUNDS <const> = pace.slow > 1 and 60 or 120

local function pair(paged, more)
  local vats = {}
  for number, tables in ipairs { {}, paged } do
    local options = { number = number, paged = tables, instruction_budget = 3000000, time_limit = 60 }
    for name, option in pairs(more or {}) do
      options[name] = option
    end
    vats[number] = lone.start(SOURCE, options).vat
  end
  return vats
end

local function report(outcome)
  assert(not outcome.fault or outcome.fault == "instructions", outcome.reason)
  return { fault = outcome.fault or "none", syscalls = outcome.syscall_bytes,
    changes = outcome.change_bytes }
end

--- Gives both the same delivery, which is kept or undone; the outcomes, which are alike.
local function deliver(vats, what, delivery, keeps)
  local reports, outcome = {}, nil
  for i, vat in ipairs(vats) do
    outcome = vat:deliver(delivery)
    reports[i] = report(outcome)
    if keeps then
      vat:keep()
    else
      vat:undo()
    end
  end
  for _, name in ipairs { "fault", "syscalls", "changes" } do
    local want, got = reports[1][name], reports[2][name]
    if got ~= want then
      error(("%s: %s differ\n  bulk:  %q\n  paged: %q"):format(what, name, want:sub(1, 2000),
        got:sub(1, 2000)), 2)
    end
  end
  return outcome
end

describe("a random history", function()
  after_each(lone.clean)

  for _, paged in ipairs { { "vatstore" }, { "vatstore", "durable" } } do
    it("has the same outcomes in bulk and with paged " .. table.concat(paged, " and "), function()
      local vats = pair(paged)
      local seed = #paged
      local faults, undone, changed = 0, 0, 0
      for round = 1, ROUNDS do
        seed = (seed * 1103515245 + 12345) % 2147483648
        local chance = seed // 65536 % 20
        local delivery = { kind = "message", target = "o+0", result = "p-" .. round, method = "play",
          args = { seed, 1 + seed // 1024 % 12, chance == 0 } }
        if chance == 1 then
          delivery = { kind = "bring_out_your_dead" }
        end
        local keeps = chance ~= 2
        local outcome = deliver(vats, "round " .. round, delivery, keeps)
        faults = faults + (outcome.fault and 1 or 0)
        changed = changed + (keeps and #outcome.changes or 0)
        undone = undone + (keeps and 0 or 1)
      end
      assert(faults > 0 and undone > 0 and changed > 10 * ROUNDS, "nothing much has happened")
      assert(vats[2]:fetched "vatstore" > 10 * ROUNDS, "little was fetched")
    end)
  end
end)

-- Through a kernel

-- What the build function does with the rows that it finds, before SOURCE.
local STARTS <const> = {
  "",
  [[
    local n = 0
    for k, v in pairs(vat.vatstore) do
      n = n + #k + #v
      if n % 3 == 0 then vat.vatstore[k] = nil end
    end
    for k in vat.range(vat.vatstore, "1") do vat.vatstore[k] = "upgraded" end
    vat.baggage.found = n
  ]],
  [[ for k, v in pairs(vat.vatstore) do vat.vatstore[k] = v .. "!" end error "not today" ]],
}

local function source(number)
  return "return function(vat)\n" .. STARTS[number] .. SOURCE .. "\nend"
end

--- All that was delivered to v1, whatever blocks it is written in.
local function transcript(db)
  local k <close> = assert(kerneltest.open(db, true))
  local parts = {}
  for i, row in ipairs(k:sql "SELECT entries FROM transcript WHERE vat = 1 ORDER BY position") do
    parts[i] = row[1]
  end
  return table.concat(parts)
end

--- Plays a history on a new kernel: what there was to see, step by step.
local function history(vatstore, transcripts, commit_every)
  local now, seed = 1e9, 5
  local open = { commit_every = commit_every, clock = function() now = now + 0.5 return now end }
  local options = { vatstore = vatstore, transcript = transcripts, instruction_budget = 3000000,
    time_limit = 60, snapshot_interval = 10 }
  local k = helpers.kernel { db = true, open = open,
    vats = { main = { source = source(1), options = options } } }
  local _, folder = helpers.config { vats = { v2 = source(2), v3 = source(3) } }
  local list, answers = {}, 0
  local function see(what, text)
    list[#list + 1] = { what, text }
  end
  local function upgrade(number, status)
    local handle = k:upgrade_vat("main", { source = ("%s/v%d.lua"):format(folder, number) })
    k:run()
    helpers.same(handle:status(), status, "upgrade to source " .. number)
    handle:release()
  end
  local function reopen()
    k = helpers.reopen(k, open)
    k:run()
  end
  local doing = {
    [5] = function() upgrade(2, "fulfilled") end,
    [9] = function() upgrade(3, "rejected") end,
    [12] = function() reopen() end,
    [17] = function() upgrade(2, "fulfilled") end,
    [20] = function() reopen() end,
    [22] = function() k:suspend_vat "main" k:resume_vat "main" end,
    [25] = function() k:collect_garbage() end,
    [28] = function() reopen() end,
  }
  for round = 1, 30 do
    local handles = {}
    for turn = 1, 3 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      handles[turn] = k:send("main", "play", seed, 1 + seed // 1024 % 12, seed // 65536 % 15 == 0)
    end
    k:run()
    for _, handle in ipairs(handles) do
      local good = handle:status() == "fulfilled"
      answers = answers + (good and 1 or 0)
      see("answer", good and handle:values() or tostring(handle:reason()))
      handle:release()
    end
    if doing[round] then
      doing[round]()
    end
    if round % 4 == 0 then
      see("dump", k:dump())
      see("heap", k:heap_hash "main")
    end
  end
  helpers.audit(k)
  helpers.same(helpers.vat(k, "main").state, "running")
  assert(answers > 60, "hardly a message was answered")
  see("vat", helpers.show(k:vats()))
  local db = helpers.db(k)
  helpers.close(k)
  see("transcript", transcript(db))
  return list
end

describe("a random history of a kernel", function()
  after_each(helpers.clean)

  for _, transcripts in ipairs { true, false } do
    for _, commit_every in ipairs { 1, 1000 } do
      it(("is the same in bulk and paged, %s a transcript, with a commit every %d"):format(
        transcripts and "with" or "without", commit_every), function()
        local bulk, paged = history("bulk", transcripts, commit_every),
          history("paged", transcripts, commit_every)
        assert.equal(#bulk, #paged)
        for i, want in ipairs(bulk) do
          if want[2] ~= paged[i][2] then
            error(("step %d, %s: differs\n  bulk:  %q\n  paged: %q"):format(i, want[1],
              want[2]:sub(1, 3000), paged[i][2]:sub(1, 3000)))
          end
        end
      end)
    end
  end
end)
