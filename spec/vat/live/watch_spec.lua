--- vat.watch: what is sent when a promise settles, whatever happened meanwhile.

local helpers = require "spec.support.helpers"
local same, says = helpers.same, helpers.says

local SOURCE <const> = [[
return function(vat, params)
  local resolvers = {}
  local function text(value) return type(value) == "table" and #value > 0 and #value or tostring(value) end
  local make = vat.kind("Listener", {
    told = function(self, ok, value, ...)
      print(self.name, ok, text(value), ...)
    end,
  })
  local function pending()
    local p, resolve = promise()
    resolvers[#resolvers + 1] = resolve
    return p
  end
  return Far("Main", {
    slow = function(self) return pending() end,
    finish = function(self, ...)
      local list = resolvers
      resolvers = {}
      for _, resolve in ipairs(list) do resolve(...) end
    end,
    watch = function(self, x) vat.watch(E(x):slow(), self, "told", "extra", { 3 }) end,
    watch_argument = function(self, list) vat.watch(list[1], self, "told", "argument") end,
    watch_own = function(self) vat.watch(pending(), self, "told", "own") end,
    watch_twice = function(self, x)
      local p = E(x):slow()
      for i = 1, 3 do vat.watch(p, self, "told", i) end
    end,
    watch_following = function(self, x)
      local p, resolve = promise()
      vat.watch(p, self, "told", "following")
      resolve(E(x):slow())
    end,
    watch_chain = function(self)
      local p, resolve = promise()
      vat.watch(p, self, "told", "chain")
      resolve(pending())
    end,
    watch_settled = function(self, ...) vat.watch(promise.resolve(...), self, "told", "settled") end,
    watch_function = function(self) vat.watch(promise.resolve(print), self, "told", "function") end,
    watch_rejected = function(self) vat.watch(promise.reject "no", self, "told", "rejected") end,
    watch_listener = function(self, x, name)
      vat.watch(E(x):slow(), make { name = name }, "told", make { name = "extra" })
    end,
    watch_remote = function(self, x, target) vat.watch(E(x):slow(), target, "told", "remote") end,
    told = function(self, ok, value, ...)
      print(ok, text(value), ...)
    end,
    try = function(self, what)
      local calls = {
        promise = { 3, self, "x" }, target = { promise(), {}, "x" }, method = { promise(), self, 7 },
        name = { promise(), self, ("x"):rep(257) }, bytes = { promise.resolve(1), self, "\xff" },
        far = { promise(), Far("X", {}), "x" }, argument = { promise(), self, "x", 1, { print } },
      }
      local ok, e = pcall(vat.watch, table.unpack(calls[what]))
      return ok, tostring(e)
    end,
  })
end]]

local function kernel(transcript)
  return helpers.kernel { db = true, vats = {
    main = { source = SOURCE, options = { transcript = transcript } }, other = SOURCE } }
end

describe("vat.watch", function()
  after_each(helpers.clean)

  it("sends when the promise settles, or if it has", function()
    local k, logs = kernel()
    for _, method in ipairs { "watch_settled", "watch_function", "watch_rejected" } do
      helpers.call(k, "main", method)
    end
    helpers.call(k, "main", "watch_settled", 1, 2)
    same(logs.main, { "true\tnil\tsettled",
      "false\tvalue: a function cannot be passed; wrap it in Far\tfunction",
      "false\tno\trejected", "true\t1\tsettled" })
    same(helpers.level(logs, "unhandled"), {})
    helpers.settle(k)
  end)

  it("says what it takes", function()
    local k = kernel()
    local function try(what)
      local ok, text = helpers.call(k, "main", "try", what)
      same(ok, false)
      return text
    end
    says(try "promise", "vat.watch(p, target, method, ...): p must be a promise, got number")
    says(try "target", "target must be a presence, a durable object or the root, got table")
    says(try "method", "method must be a method's name, got number")
    says(try "name", "a method's name must be UTF-8 of at most 256 bytes")
    says(try "bytes", "a method's name must be UTF-8 of at most 256 bytes")
    says(try "far", "target: an object made by Far ends with this incarnation")
    says(try "argument", "args[2][1]: a function cannot be stored")
  end)

  for _, how in ipairs { "no restart", "replay", "rebuild", "upgrade" } do
    it("is kept: " .. how, function()
      local k, logs, cluster = kernel(how ~= "rebuild")
      local other = k:root "other"
      helpers.call(k, "main", "watch", other)
      helpers.call(k, "main", "watch_following", other)
      helpers.call(k, "main", "watch_twice", other)
      helpers.call(k, "main", "watch_listener", other, "listener")
      helpers.call(k, "main", "watch_remote", other, other)
      helpers.call(k, "main", "watch_argument", { helpers.send(k, "other", "slow") })
      if how == "upgrade" then
        helpers.hold(k, k:upgrade_vat(cluster.vats.main))
        helpers.run(k)
      elseif how ~= "no restart" then
        k, logs = helpers.reopen(k)
      end
      helpers.run(k)
      helpers.call(k, "main", "watch", k:root "other")
      helpers.call(k, "other", "finish", { 1, 2 })
      local want = { "listener\ttrue\t2\t<Listener>", "true\t2\t1", "true\t2\t2", "true\t2\t3",
        "true\t2\targument", "true\t2\textra\ttable", "true\t2\textra\ttable", "true\t2\tfollowing" }
      table.sort(logs.main)
      same(logs.main, want)
      same(logs.other, { "true\t2\tremote" })
      helpers.settle(k)
      same(#k:clist "main", 2, "nothing is left of them")
      k:collect_garbage()
    end)
  end

  it("of a promise that this vat decides tells when it does, or that it was upgraded", function()
    local k, logs, cluster = kernel()
    helpers.call(k, "main", "watch_own")
    helpers.call(k, "main", "watch_chain")
    helpers.call(k, "main", "finish", "done")
    same(logs.main, { "true\tdone\town", "true\tdone\tchain" })
    helpers.call(k, "main", "watch_own")
    local p = helpers.send(k, "main", "slow")
    helpers.hold(k, k:upgrade_vat(cluster.vats.main))
    helpers.run(k)
    same(logs.main[3], "false\tvat upgraded\town")
    same(p:status(), "rejected")
    helpers.call(k, "main", "watch_own")
    helpers.call(k, "main", "finish", "again")
    same(logs.main[4], "true\tagain\town")
    same(#logs.main, 4)
    helpers.settle(k)
  end)
end)
