--- Garbage across vats: in which order the collector's deliveries come.

local helpers = require "spec.support.helpers"
local play = require "spec.support.play"
local shared = require "spec.conformance.garbage.shared"

local give = shared.give
local same = helpers.same

describe("garbage: the order of deliveries", function()
  after_each(play.clean)

  local GC <const> = { drop_exports = true, retire_exports = true, retire_imports = true }

  --- Vats v1 to v12 each gave two things to v13, which drops all of them and retires the first of
  -- each.
  local function twelve()
    local names = {}
    for i = 1, 13 do
      names[i] = "vat" .. i
    end
    local k = play.kernel(names)
    local krefs = {}
    for i = 1, 12 do
      krefs[i] = give(k, i, { "o+5 Thing", "o+6 Thing" }, { 13 })
    end
    local function drop()
      local result = k:send("ko13", "drop", {})
      k:crank(function()
        local all, first = {}, {}
        for n = 1, 24 do
          all[n] = "o-" .. n
          first[#first + 1] = n % 2 == 1 and "o-" .. n or nil
        end
        return { syscalls = { { drop_imports = all }, { retire_imports = first } } }
      end)
      k:release(result)
    end
    return k, krefs, drop
  end

  it("is by vat, numeric, then drop, then retire; one batch in a crank", function()
    local k, _, drop = twelve()
    drop()
    local wanted = {}
    for i = 1, 12 do
      wanted[#wanted + 1] = ("v%d drop_exports o+5 o+6"):format(i)
      wanted[#wanted + 1] = ("v%d retire_exports o+5"):format(i)
    end
    same(play.lines(k:drain()), wanted, "deliveries")
  end)

  it("leaves out what is no longer true", function()
    local k, krefs, drop = twelve()
    drop()
    -- the host names things before they are dropped; the first is what v1 has given
    local held = {}
    for _, vat in ipairs { 1, 5, 12 } do
      held[#held + 1] = k:hold(krefs[vat][2])
    end
    k:terminate "v7"
    local wanted = {}
    for i = 1, 12 do
      local keeps = i == 1 or i == 5 or i == 12
      if i ~= 7 then
        wanted[#wanted + 1] = ("v%d drop_exports o+5%s"):format(i, keeps and "" or " o+6")
        wanted[#wanted + 1] = ("v%d retire_exports o+5"):format(i)
      end
    end
    wanted[#wanted + 1] = "v13 retire_imports o-14"
    same(play.lines(k:drain()), wanted, "deliveries")
    for _, vat in ipairs { 1, 5, 12 } do
      k:release(krefs[vat][2])
    end
    same(play.lines(k:drain()), { "v1 drop_exports o+6", "v5 drop_exports o+6",
      "v12 drop_exports o+6" }, "when the host lets go")
  end)

  it("comes at most once between two items of the queue", function()
    local k, _, drop = twelve()
    drop()
    for n = 1, 30 do
      k:release(k:send("ko13", "m" .. n, {}))
    end
    local order = {}
    for i, delivery in ipairs(k:drain()) do
      order[i] = GC[delivery.kind] and "gc" or "item"
    end
    same(table.concat(order, " "), ("gc item "):rep(24) .. ("item "):rep(5) .. "item", "order")
  end)

  it("has batches of at most a thousand references", function()
    local k = play.kernel { "owner", "importer" }
    local exports = {}
    for n = 1, 2500 do
      exports[n] = "o+" .. n .. " Thing"
    end
    give(k, 1, exports, { 2 })
    local result = k:send("ko2", "drop", {})
    local deliveries = k:drain(function(delivery)
      if delivery.method == "drop" then
        local all = {}
        for n = 1, 2500 do
          all[n] = "o-" .. n
        end
        return { syscalls = { { drop_imports = all }, { retire_imports = all } } }
      end
    end)
    k:release(result)
    local sizes_of = {}
    for _, delivery in ipairs(deliveries) do
      if GC[delivery.kind] then
        sizes_of[#sizes_of + 1] = delivery.kind .. " " .. #delivery.refs
      end
    end
    same(sizes_of, { "drop_exports 1000", "drop_exports 1000", "drop_exports 500",
      "retire_exports 1000", "retire_exports 1000", "retire_exports 500" }, "batches")
    same(k:value "SELECT count(*) FROM object", 2, "objects: the roots")
  end)
end)
