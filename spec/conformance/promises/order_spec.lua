--- Promises between vats: the order of what waits and what is on its way.

local helpers = require "spec.support.helpers"

local same = helpers.same

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

-- Bob opens doors: door(i) is a promise that open(i, how) settles, later. Whatever is knocked at
-- through it prints who knocked, at which door, and their how manieth knock it was.
local DOORS = [[
  return function(vat, params)
    local doors, settlers = {}, {}
    local function door(i)
      if not doors[i] then
        local p, resolve, reject = promise()
        doors[i], settlers[i] = p, { resolve = resolve, reject = reject }
      end
      return doors[i]
    end
    local room = Far("Room", { knock = function(_, who, i, n) print(who .. i .. " " .. n) end })
    return Far("Bob", {
      door = function(_, i) return door(i) end,
      open = function(_, i, how, other)
        door(i)
        local settler = settlers[i]
        settlers[i] = {}
        if not settler.resolve then
          return
        elseif how == "object" then
          settler.resolve(room)
        elseif how == "elsewhere" then
          settler.resolve(other)
        elseif how == "data" then
          settler.resolve(42)
        elseif how == "door" then
          settler.resolve(door(other))
        else
          settler.reject(Error { name = "Closed", message = "closed" })
        end
      end,
    })
  end
]]

-- A vat that gets doors from Bob and knocks, with the numbers of each door ascending.
local VISITOR = [[
  return function(vat, params)
    local doors, count = {}, {}
    local function knock(i)
      count[i] = (count[i] or 0) + 1
      local n = count[i]
      local function answered() print("answer " .. vat.name .. i .. " " .. n) end
      E(doors[i]):knock(vat.name, i, n):next(answered, answered)
    end
    return Far("Visitor", {
      meet = function(_, bob, many) for i = 1, many do doors[i] = E(bob):door(i) end end,
      knock = function(_, i, times) for _ = 1, times or 1 do knock(i) end end,
      around = function(_, bob, i, ...)
        knock(i)
        E.send_only(bob):open(i, ...)
        knock(i)
      end,
    })
  end
]]

local ELSEWHERE = [[
  return function()
    return Far("Else", { knock = function(_, who, i, n) print(who .. i .. " " .. n) end })
  end
]]

--- Each visitor's knocks at a door and the answers to them, in order: by "alice1", "answer alice1".
local function by_door(entries)
  local lists = {}
  for _, entry in ipairs(entries) do
    local door, n = tostring(entry.text):match "^(.+) (%d+)$"
    if entry.level == "print" and door then
      lists[door] = lists[door] or {}
      table.insert(lists[door], math.tointeger(tonumber(n)))
    end
  end
  return lists
end

--- Plays the same twice, once with the kernel opened again after each step of it: the logs, which
-- must be alike, and so must be the dumps.
local function with_and_without_restarts(scenario)
  local logs, dump
  for _, restart in ipairs { false, true } do
    local k, now = helpers.kernel {
      db = helpers.folder(true) .. "/kernel.db",
      vats = { alice = VISITOR, carol = VISITOR, bob = DOORS, dave = ELSEWHERE },
    }
    local all = {}
    scenario(setmetatable({
      send = function(_, ...) k:send(...):release() end,
      step = function()
        local more = k:step()
        helpers.audit(k)
        if restart then
          table.move(now.all, 1, #now.all, #all + 1, all)
          k, now = helpers.reopen(k)
        end
        return more
      end,
    }, { __index = function(_, name) return function(_, ...) return k[name](k, ...) end end }))
    table.move(now.all, 1, #now.all, #all + 1, all)
    for _, entry in ipairs(all) do
      entry.crank = nil
    end
    same(all, logs or all, "the logs with restarts")
    same(k:dump(), dump or k:dump(), "the dump with restarts")
    logs, dump = all, k:dump()
    helpers.clean()
  end
  return by_door(logs)
end

local function finish(k)
  while k:step() do end -- luacheck: ignore 542
end

local function upto(n)
  local list = {}
  for i = 1, n do
    list[i] = i
  end
  return list
end

describe("promises: order of what waits and what is on its way", function()
  after_each(helpers.clean)

  for _, how in ipairs { "object", "elsewhere", "data", "rejected" } do
    local function check(lists, count)
      same(lists["answer alice1"], upto(count), "the answers")
      same(lists.alice1, (how == "object" or how == "elsewhere") and upto(count) or nil,
        "the knocks")
    end

    it("is that of sending when one is parked and one behind what settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 1)
        k:send("alice", "knock", 1)
        finish(k)
        k:send("alice", "knock", 1, 2)
        k:send("bob", "open", 1, how, k:root "dave")
        finish(k)
      end), 3)
    end)

    it("is that of sending when one crank sends all, and it settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 1)
        finish(k)
        k:send("alice", "around", k:root "bob", 1, how, k:root "dave")
        finish(k)
      end), 2)
    end)

    it("is that of sending along a chain of doors that settles to " .. how, function()
      check(with_and_without_restarts(function(k)
        k:send("alice", "meet", k:root "bob", 3)
        k:send("alice", "knock", 1)
        finish(k)
        k:send("bob", "open", 1, "door", 2)
        k:send("alice", "knock", 1)
        k:send("bob", "open", 2, "door", 3)
        k:send("alice", "knock", 1)
        k:send("bob", "open", 3, how, k:root "dave")
        k:send("alice", "knock", 1)
        finish(k)
      end), 4)
    end)

    it("is that of sending, 50 before and 50 after, among others, to " .. how, function()
      local lists = with_and_without_restarts(function(k)
        for _, name in ipairs { "alice", "carol" } do
          k:send(name, "meet", k:root "bob", 2)
        end
        k:send("alice", "knock", 1, 50)
        finish(k)
        for _ = 1, 5 do
          k:send("carol", "knock", 1)
          k:send("carol", "knock", 2)
          k:send("alice", "knock", 1, 10)
        end
        k:send("bob", "open", 1, how, k:root "dave")
        k:send("bob", "open", 2, "door", 1)
        finish(k)
      end)
      check(lists, 100)
      same({ lists["answer carol1"], lists["answer carol2"] }, { upto(5), upto(5) }, "carol's")
    end)
  end

  for seed = 1, 4 do
    it("is each sender's through each promise, whatever happens: " .. seed, function()
      local sent = {}
      local lists = with_and_without_restarts(function(k)
        math.randomseed(seed)
        local hows = { "object", "elsewhere", "data", "rejected", "door", "door", "door" }
        for _, name in ipairs { "alice", "carol" } do
          k:send(name, "meet", k:root "bob", 6)
        end
        sent = {}
        local suspended = false
        for _ = 1, 60 do
          local name, i = math.random(2) == 1 and "alice" or "carol", math.random(6)
          local times = math.random(3)
          if math.random() < 0.25 then
            local how = hows[math.random(#hows)]
            k:send("bob", "open", i, how, how == "door" and math.random(6) or k:root "dave")
          else
            k:send(name, "knock", i, times)
            sent[name .. i] = (sent[name .. i] or 0) + times
          end
          for _ = 1, math.random(0, 4) do
            k:step()
          end
          if math.random() < 0.1 then
            k[suspended and "resume_vat" or "suspend_vat"](k, "dave")
            suspended = not suspended
          end
        end
        if suspended then
          k:resume_vat "dave"
        end
        for i = 1, 6 do
          k:send("bob", "open", i, "object")
        end
        finish(k)
      end)
      for door, count in pairs(sent) do
        -- what a visitor sends to what it knows to be data is answered at home, and so before
        same(sorted(lists["answer " .. door]), upto(count), "all answers at " .. door)
        local knocks = lists[door] or {}
        same(knocks, sorted(knocks), "the knocks at " .. door)
      end
    end)
  end
end)
