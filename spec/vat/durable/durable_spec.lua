--- Durable objects, and what becomes of them in a next incarnation.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local same, says = helpers.same, helpers.says

local BANK <const> = [[
  return function(vat, params)
    local b = vat.baggage
    local lost = not params.lose and vat.kind("Purse", {
      deposit = function(self, n) self.balance = self.balance + n * (params.times or 1) return self.balance end,
      link = function(self, x) self.other = x end,
      other = function(self) return self.other, self.friend end,
      befriend = function(self, x) self.friend = x end,
      friend_of = function(self) return self.friend end,
    })
    if not params.lose_more then vat.kind("Unused", {}) end
    return Far("Bank", {
      open = function(self, n) local p = lost { balance = n } b[#b.names + 1] = p return p end,
      start = function(self) b.names = {} end,
      make = function(self, n) return lost { balance = n } end,
      keep = function(self, k, v) b[k] = v end,
      get = function(self, k) return b[k] end,
      incarnation = function() return vat.incarnation end,
    })
  end
]]

describe("a durable object", function()
  after_each(helpers.clean)

  for _, transcript in ipairs { true, false } do
    it("survives a restart " .. (transcript and "by replay" or "without a transcript"), function()
      local k = helpers.kernel { db = true,
        vats = { bank = { source = BANK, options = { transcript = transcript } },
          other = 'return function() local kept return Far("Other", { '
            .. 'keep = function(self, x) kept = x end, '
            .. 'use = function(self, ...) return E(kept):deposit(...) end }) end' } }
      local one = helpers.call(k, "bank", "make", 5)
      helpers.call(k, "other", "keep", one)
      helpers.call(k, "bank", "keep", "one", one)
      helpers.call(k, one, "befriend", k:root "other")
      same(helpers.call(k, one, "deposit", 3), 8)
      local kref = tostring(one)
      k = helpers.reopen(k)
      same(helpers.call(k, "other", "use", 2), 10)
      same(tostring(helpers.call(k, "bank", "get", "one")), kref, "the same object")
      local friend = helpers.call(k, k:ref(kref), "friend_of")
      same(tostring(friend), tostring(k:root "other"))
      same(tostring(helpers.call(k, "bank", "make", 1)) ~= kref, true)
      same(helpers.call(k, "bank", "incarnation"), transcript and 0 or 1)
      helpers.settle(k)
    end)
  end

  it("survives an upgrade, with new methods", function()
    local k, _, cluster = helpers.kernel { db = true, vats = { bank = BANK } }
    local one = helpers.call(k, "bank", "make", 5)
    helpers.call(k, "bank", "keep", "one", one)
    local handle = k:upgrade_vat(cluster.vats.bank, { parameters = { times = 10 } })
    helpers.run(k)
    same(handle:values().incarnation, 1)
    same(helpers.call(k, one, "deposit", 3), 35)
    same(tostring(helpers.call(k, "bank", "get", "one")), tostring(one))
    k = helpers.reopen(k)
    same(helpers.call(k, helpers.call(k, "bank", "get", "one"), "deposit", 1), 45)
  end)

  it("needs its kind again: the upgrade fails and names it; an unused kind is not missed", function()
    local k, _, cluster = helpers.kernel { vats = { bank = BANK } }
    local one = helpers.call(k, "bank", "make", 5)
    local handle = k:upgrade_vat(cluster.vats.bank, { parameters = { lose = true } })
    helpers.run(k)
    same(handle:status(), "rejected")
    says(handle:reason().message, 'kind "Purse" was not defined again')
    same(helpers.call(k, one, "deposit", 3), 8)
    handle = k:upgrade_vat(cluster.vats.bank, { parameters = { lose_more = true } })
    helpers.run(k)
    same(handle:status(), "fulfilled")
  end)

  it("is collected again by a replay, and shown to the host where its vat keeps it", function()
    local k = helpers.kernel { db = true, vats = { main = [[return function(vat)
      local map = vat.map "m"
      local make = vat.kind("P", {
        go = function(self) return await(E(self):add(2)) end,
        add = function(self, n) self.n = (self.n or 0) + n return self.n end,
        key = function(self) map[self] = self return map[self] == self end,
        drop = function(self) map[self] = nil end,
      })
      return Far("Main", {
        start = function() vat.baggage.p = { make {} } end,
        go = function() return vat.baggage.p[1]:go() end,
        churn = function()
          for i = 1, 100 do make { a = i } end
          local p = make {}
          local found = p:key()
          p:drop()
          return found
        end,
      })
    end]] } }
    helpers.call(k, "main", "start")
    same(k:baggage("main")[1].value, { "o+d1/1" })
    same(helpers.call(k, "main", "go"), 2)
    same(helpers.call(k, "main", "churn"), true)
    k:collect_garbage()
    same(helpers.call(k, "main", "churn"), true)
    helpers.settle(k)
    local dump = k:dump()
    k = helpers.reopen(k)
    same(helpers.call(k, "main", "go"), 4)
    k:collect_garbage()
    helpers.settle(k)
    local _, instances = k:dump():gsub('"to\\x00', "")
    same(instances, 1)
    assert(select(2, dump:gsub('"to\\x00', "")) == 102)
    k = helpers.reopen(k)
    same(helpers.call(k, "main", "go"), 6)
  end)

  it("goes when the last who knew it is gone, across vats", function()
    local k = helpers.kernel { vats = { bank = BANK,
      other = 'return function() local kept'
        .. ' return Far("Other", { keep = function(self, x) kept = x end }) end' } }
    local one = helpers.call(k, "bank", "make", 5)
    helpers.call(k, one, "befriend", k:root "other")
    helpers.call(k, "other", "keep", one)
    helpers.settle(k)
    one = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    k:collect_garbage()
    same(#k:objects(), 3)
    helpers.call(k, "other", "keep", nil)
    k:collect_garbage()
    same(#k:objects(), 2)
    helpers.audit(k)
  end)

  it("has a state of at most 16 MiB", function()
    local vat = lone.start([[
      local long = ("x"):rep(9 << 20)
      local make = vat.kind("Box", {
        fill = function(self)
          self.first = long
          local ok, e = pcall(function() self.second = long end)
          return ok, e.name, e.message, self.second == nil, #self.first
        end,
      })
      return Far("Main", {
        fill = function() return make {}:fill() end,
        make = function()
          local ok, e = pcall(make, { a = long, b = long })
          return ok, e.name, e.message
        end,
      })
    ]], { time_limit = 5 })
    local message = "Box: a state of more than 16 MiB, the limit of a value"
    same({ vat:values "fill" }, { false, "LimitExceeded", message, true, 9 << 20 })
    same({ vat:values "make" }, { false, "LimitExceeded", message })
  end)
end)
