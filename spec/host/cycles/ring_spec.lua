--- A ring of objects, one in each vat: each kind of holder keeps it whole, and without one it goes.

local helpers = require "spec.support.helpers"
local shared = require "spec.host.cycles.graph"

local NODES, VATS, build, collect = shared.NODES, shared.VATS, shared.build, shared.collect
local same = helpers.same

local OPEN <const> = { commit_every = 1000 }

describe("object cycles: a ring", function()
  after_each(helpers.clean)

  --- A kernel with a ring of nodes, one in each of the first vats, that nobody else holds; its krefs.
  local function ring(size, options)
    local vats = {}
    for i = 1, VATS do
      vats["n" .. i] = { source = NODES, options = options }
    end
    local k = helpers.kernel { db = true, open = OPEN, vats = vats }
    local graph = { seed = 1, nodes = {}, edges = {}, roots = {} }
    for i = 1, size do
      graph.nodes[i] = i
      graph.edges[i] = { i, i % size + 1 }
    end
    build(k, graph)
    collectgarbage()
    helpers.run(k)
    return k, graph.krefs
  end

  local function left(k)
    helpers.audit(k)
    return #k:objects() - VATS
  end

  --- It stays when cycles are looked for, and all of it answers.
  local function stays(k, krefs, what)
    for _ = 1, 2 do
      collect(k)
      same(left(k), #krefs, "nodes left " .. what)
    end
  end

  local function answers(k, krefs)
    for i, kref in ipairs(krefs) do
      local handle = k:send(kref, "walk")
      helpers.run(k)
      same(handle:values(), { i % #krefs + 1 }, kref .. " calls the next")
      handle:release()
    end
  end

  local function goes(k, what)
    collect(k)
    same(left(k), 0, "nodes left " .. (what or ""))
  end

  for _, transcript in ipairs { true, false } do
    for size = 2, VATS do
      it(("through %d vats%s goes, and not without { cycles = true }"):format(size,
        transcript and "" or " without transcripts"), function()
        local k = ring(size, { transcript = transcript })
        k:collect_garbage()
        same(left(k), size, "nodes left by counts alone")
        local before = #k:objects()
        same(k:collect_garbage { cycles = true }, size, "how many were collected")
        same(before - #k:objects(), size, "rows that went")
        same(k:collect_garbage { cycles = true }, 0, "how many the second time")
        goes(k)
      end)
    end
  end

  it("goes after a restart, and when it was dropped before one", function()
    local k, krefs = ring(4)
    k:pin(krefs[2])
    k = helpers.reopen(k)
    stays(k, krefs, "while it is pinned")
    answers(k, krefs)
    k:unpin(krefs[2])
    k = helpers.reopen(k)
    goes(k)
  end)

  local holders = {
    ["a host's reference"] = function(k, kref)
      local mine = k:ref(kref)
      return function() mine = mine == nil end
    end,
    ["a pin"] = function(k, kref)
      k:pin(kref)
      return function() k:unpin(kref) end
    end,
    ["a host's handle"] = function(k, kref)
      local handle = k:send("n5", "wait", "key")
      helpers.call(k, "n5", "settle", "key", { { k:ref(kref) } })
      return function() handle:release() end
    end,
    ["a vat's table"] = function(k, kref)
      helpers.call(k, "n5", "hold", "key", k:ref(kref))
      return function() helpers.call(k, "n5", "let_go", "key") end
    end,
    ["the table of a member's vat"] = function(k, kref)
      helpers.call(k, "n1", "hold", "key", k:ref(kref))
      return function() helpers.call(k, "n1", "let_go", "key") end
    end,
    ["its own vat's table"] = function(k, kref)
      helpers.call(k, "n2", "hold", "key", k:ref(kref))
      return function() helpers.call(k, "n2", "let_go", "key") end
    end,
    ["a waiting coroutine"] = function(k, kref)
      k:send("n5", "linger", "key", k:ref(kref)):release()
      return function() helpers.call(k, "n5", "settle", "key") end
    end,
    ["baggage"] = function(k, kref)
      helpers.call(k, "n5", "store", "key", k:ref(kref))
      return function() helpers.call(k, "n5", "unstore", "key") end
    end,
    ["the baggage of a member's vat"] = function(k, kref)
      helpers.call(k, "n3", "store", "key", k:ref(kref))
      return function() helpers.call(k, "n3", "unstore", "key") end
    end,
    ["a message parked on a promise"] = function(k, kref)
      local p = k:send("n5", "wait", "key")
      k:send(p, "hold", "x", k:ref(kref)):release()
      p:release()
      return function() helpers.call(k, "n5", "settle", "key") end
    end,
    ["a message to it, parked on a promise that leads to it"] = function(k, kref)
      local p = k:send("n5", "wait", "key")
      k:send(p, "walk"):release()
      p:release()
      return function() helpers.call(k, "n5", "settle", "key", k:ref(kref)) end, true
    end,
    ["a message parked with a suspended vat"] = function(k, kref)
      k:suspend_vat "n5"
      k:send("n5", "unstore", k:ref(kref)):release()
      return function() k:resume_vat "n5" end
    end,
    ["a suspended vat"] = function(k, kref)
      helpers.call(k, "n5", "hold", "key", k:ref(kref))
      k:suspend_vat "n5"
      return function()
        k:resume_vat "n5"
        helpers.call(k, "n5", "let_go", "key")
      end
    end,
    ["the value of a promise that a promise's value holds"] = function(k, kref)
      local inner = k:send("n5", "wait", "inner")
      local handle = k:send("n4", "wait", "key")
      helpers.call(k, "n5", "settle", "inner", k:ref(kref))
      helpers.call(k, "n4", "settle", "key", { inner })
      inner:release()
      return function() handle:release() end
    end,
    ["another ring that lives"] = function(k, kref)
      local list = helpers.call(k, "n6", "make", { "a", "b" })
      helpers.call(k, list[1], "link", list[2])
      helpers.call(k, list[2], "link", list[1])
      helpers.call(k, list[2], "link", k:ref(kref))
      helpers.call(k, "n5", "hold", "key", list[1])
      helpers.call(k, "n6", "forget")
      return function() helpers.call(k, "n5", "let_go", "key") end
    end,
  }
  local names = {}
  for name in pairs(holders) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    it("of which one member is held by " .. name .. " stays just as long", function()
      local k, krefs = ring(3)
      local let_go_of, only_then = holders[name](k, krefs[2])
      collectgarbage()
      helpers.run(k)
      if not only_then then
        local extra = left(k) - #krefs
        for _ = 1, 2 do
          collect(k)
          same(left(k), #krefs + extra, "nodes left while it is held")
        end
        answers(k, krefs)
      end
      let_go_of()
      helpers.settle(k)
      goes(k, "when it is not held any more")
    end)
  end

  it("of which a member's vat is suspended stays until it is resumed", function()
    local k, krefs = ring(3)
    k:suspend_vat "n2"
    stays(k, krefs, "while it is suspended")
    k = helpers.reopen(k)
    stays(k, krefs, "after a restart")
    k:resume_vat "n2"
    answers(k, krefs)
    goes(k)
  end)

  it("of which a member's vat ends goes as a chain does, by counts", function()
    local k = ring(4)
    k:terminate_vat("n3", "enough")
    helpers.run(k)
    k:collect_garbage()
    same(#k:objects(), VATS - 1, "objects: the roots of the others")
  end)

  it("that a restart breaks, where a vat has no transcript, goes by counts", function()
    local k = ring(4, { transcript = false })
    k = helpers.reopen(k)
    helpers.run(k)
    k:collect_garbage()
    same(left(k), 0, "nodes left")
  end)

  it("with itself, of one object, is its own vat's business", function()
    local k, krefs = ring(1)
    k:collect_garbage()
    same({ left(k), #krefs }, { 0, 1 }, "nodes left")
  end)

  it("that a message changes between two looks is judged anew", function()
    local k, krefs = ring(4)
    k:pin(krefs[1])
    stays(k, krefs, "while it is pinned")
    helpers.call(k, krefs[3], "cut")
    helpers.settle(k)
    collect(k)
    same(left(k), 3, "nodes left: the first and those that it leads to")
    helpers.call(k, krefs[3], "link", k:ref(krefs[2]))
    collectgarbage()
    helpers.settle(k)
    k:unpin(krefs[1])
    goes(k)
  end)

  it("goes by itself, some time, and nothing that is named meanwhile does harm", function()
    for _, called in ipairs { 0, 1, 2, 3 } do
      local k, krefs = ring(3)
      for _ = 1, 22 do
        for _ = 1, 1000 do
          k:send("n6", "let_go", "nothing"):release()
        end
        k:run { cranks = 1000 }
      end
      while k:stats().queue > 0 do
        k:step()
      end
      same(left(k), 3, "nodes left while there is other work")
      k:step()
      if krefs[called] then
        k:send(krefs[called], "name"):release()
      end
      helpers.run(k)
      same(helpers.column(k:vats(), "state"), { "running", "running", "running", "running",
        "running", "running" }, "the vats' states")
      if called == 0 then
        same(left(k), 0, "nodes left when nothing else was to be done")
      end
      goes(k)
      helpers.clean()
    end
  end)
end)
