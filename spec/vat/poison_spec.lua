--- Everything that vat code can reach is replaced, one thing at a time: what the vat's library does
--- for the rest of the code stays the same, to the byte.

local helpers = require "spec.support.helpers"
local test = require "moonvat.test"

local same = helpers.same

-- What code keeps in locals works on whatever becomes of the globals. probe uses the library in
-- every way that does not go by a global's name.
local SOURCE <const> = [==[
  local env = _ENV
  local Far, E, Error, await, promise, print, pcall, type, pairs, ipairs, tostring, error, load =
    Far, E, Error, await, promise, print, pcall, type, pairs, ipairs, tostring, error, load
  local setmetatable, getmetatable, concat, create, resume, sort =
    setmetatable, getmetatable, table.concat, coroutine.create, coroutine.resume, table.sort
  return function(vat)
    local used = 0
    local make = vat.kind("Box", {
      put = function(self, x) self.x = x return self end,
      get = function(self) return self.x end,
    })
    local function reachable()
      local paths = {}
      for name, value in pairs(env) do
        paths[#paths + 1] = { name }
        if type(value) == "table" then
          for field in pairs(value) do paths[#paths + 1] = { name, field } end
        end
      end
      sort(paths, function(a, b) return concat(a, ".") < concat(b, ".") end)
      return paths
    end
    local function poison() used = used + 1 return poison end
    local root
    root = Far("Main", {
      reachable = function() return reachable() end,
      poison = function(self, path, how)
        local at = path[2] and env[path[1]] or env
        local value = poison
        if how == "nil" then value = nil end
        if how == "table" then
          value = setmetatable({}, { __index = poison, __call = poison, __newindex = poison,
            __len = poison, __eq = poison, __tostring = poison, __pairs = poison })
        end
        at[path[#path]] = value
      end,
      everything = function()
        for _, path in ipairs(reachable()) do
          if path[2] then env[path[1]][path[2]] = poison end
        end
        for name in pairs(env) do env[name] = poison end
        setmetatable(env, { __index = poison, __newindex = poison })
      end,
      add = function(self, a, b) return a + b end,
      fail = function() error "failed" end,
      probe = function(self, other)
        local box = make { x = 1 }
        box:put { 1, "two", 3.5, other, root }
        vat.baggage.box, vat.baggage.list = box, { 1, { a = true } }
        vat.vatstore.key = "value"
        vat.map("m")[other] = "known"
        vat.watch(E(other):slow(), box, "put")
        print(box, root, other, vat, E, promise, Error { message = "shown" }, { }, print)
        print(("%5.2f|%s|%q|%d"):format(3.14159, "s", "q\n", 42), ("x"):rep(3, "-"))
        print(("key = value"):match "^(%w+)%s*=%s*(%w+)$", ("abc"):gsub("%w", "%0%0"))
        print(("xyz"):upper():lower():reverse():sub(2, 3):byte(1, -1))
        for key, value in pairs(vat.baggage) do print(key, type(value)) end
        for key in vat.range(vat.vatstore, "k") do print(key) end
        local ok, e = pcall(function() return other:now() end)
        print(ok, tostring(e))
        ok, e = pcall(await, E(root):fail())
        print(ok, e.name, e.message)
        ok, e = pcall(function() E(other):take(print) end)
        print(ok, e)
        local co = create(function() return await(E(root):add(1, 2)) end)
        print(resume(co))
        print(await(promise.all { 1, E(root):add(3, 4), promise.resolve(5) })[2])
        print(getmetatable "", getmetatable(other), load("return ...")(9))
        E.send_only(other):take(box, root, Far("Other", { x = print }), Error { name = "N" })
        root:fail()
      end,
      used = function() return used end,
    })
    return root
  end
]==]

local opened = {}

local function open()
  local v = test.vat { main = SOURCE, time_limit = 5 }
  opened[#opened + 1] = v
  same(v:deliver { kind = "start_vat", name = "main", args = { {} } }.fault, nil)
  v:keep()
  return v
end

local function deliver(v, result, method, ...)
  local outcome = v:deliver { kind = "message", target = "o+0", result = result, method = method,
    args = { ... }, now = 1 }
  same(outcome.fault, nil, method)
  v:keep()
  return outcome
end

--- What the vat's library does, as text: syscalls, changes and log. Tracebacks are left out: they
-- name functions as the globals do.
local function probe(v)
  local outcome = deliver(v, "p-9", "probe", test.ref("o-1", "Other"))
  local log = {}
  for _, line in ipairs(outcome.log) do
    log[#log + 1] = line.level ~= "fault" and line or nil
  end
  return helpers.show { outcome.syscall_bytes, outcome.changes, log }
end

--- Compares whole texts, and shows where they part.
local function same_text(got, want, what)
  if got ~= want then
    local at = 1
    while got:byte(at) == want:byte(at) do at = at + 1 end
    error(("%s: %q, not %q"):format(what, got:sub(at, at + 80), want:sub(at, at + 80)), 2)
  end
end

local function value(outcome)
  local syscall = outcome.syscalls[#outcome.syscalls]
  return syscall[1].values[1]
end

describe("a vat whose code replaces what it reaches", function()
  after_each(function()
    for i = #opened, 1, -1 do
      opened[i]:close()
      opened[i] = nil
    end
  end)

  local wanted, paths
  setup(function()
    local v = open()
    paths = value(deliver(v, "p-1", "reachable"))
    v:close()
    v = open()
    deliver(v, "p-1", "used")
    wanted = probe(v)
    v:close()
    opened = {}
  end)

  it("reaches all that its manual names", function()
    assert(#paths > 90, #paths)
    assert(wanted:find "known" and wanted:find "failed" and wanted:find "two", wanted)
  end)

  for _, how in ipairs { "function", "nil", "table" } do
    it("by a " .. how .. ", one thing at a time, finds its library as it was", function()
      for _, path in ipairs(paths) do
        local v = open()
        deliver(v, "p-1", "poison", path, how)
        same_text(probe(v), wanted, table.concat(path, "."))
        same(value(deliver(v, "p-2", "used")), 0, table.concat(path, ".") .. " was called")
        v:close()
        opened[#opened] = nil
      end
    end)
  end

  it("all at once finds its library as it was", function()
    local v = open()
    deliver(v, "p-1", "everything")
    same_text(probe(v), wanted, "all")
    same(value(deliver(v, "p-2", "used")), 0)
  end)
end)
