--- Objects in several vats that hold each other: when nothing else holds them, all of them go, and
-- never one that somebody can still reach.
--
-- Random graphs are built by messages in six vats, roots of all kinds are dropped, and a model says
-- which objects live. SEED=n and ROUNDS=n choose other graphs than the usual ones and how many;
-- one that fails is built again alone and made smaller, as long as it fails.

local helpers = require "spec.support.helpers"
local pace = require "spec.support.pace"

local same = helpers.same

local ROUNDS <const> = math.tointeger(tonumber(os.getenv "ROUNDS")) or pace.rounds(2000)
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1
local BATCH <const> = 25 -- graphs in one kernel at a time

-- Nodes hold others in a table; the vat holds some itself.
local NODES = [[
  return function(vat)
    local nodes, held, open = {}, {}, {}
    local function walk(list)
      local names = {}
      for i, x in ipairs(list) do names[i] = E(x):name() end
      for i, name in ipairs(names) do names[i] = await(name) end
      return names
    end
    local function node(name)
      local edges = {}
      return Far("Node", {
        name = function() return name end,
        link = function(self, x) edges[#edges + 1] = x end,
        cut = function() edges = {} end,
        walk = function() return walk(edges) end,
      })
    end
    return Far("Nodes", {
      make = function(self, names)
        local list = {}
        for i, name in ipairs(names) do
          list[i] = node(name)
          nodes[name] = list[i]
        end
        return list
      end,
      wire = function(self, from, to)
        for i, name in ipairs(from) do nodes[name]:link(to[i]) end
      end,
      forget = function() nodes = {} end,
      hold = function(self, key, x) held[key] = x end,
      let_go = function(self, key) held[key] = nil end,
      linger = function(self, key, x)
        local p
        p, open[key] = promise()
        await(p)
        print("held " .. tostring(x))
      end,
      walk = function(self, key) return walk { held[key] } end,
      store = function(self, key, x) vat.baggage[key] = { x } end,
      unstore = function(self, key) vat.baggage[key] = nil end,
      wait = function(self, key)
        local p
        p, open[key] = promise()
        return p
      end,
      settle = function(self, key, x)
        if open[key] then open[key](x) end
        open[key] = nil
      end,
    })
  end
]]

local VATS <const> = 6
local KINDS <const> = { "held", "held", "held", "waiting", "stored", "host", "handle", "pin",
  "parked", "value" }

local function generator(seed)
  local state = (seed * 2654435761 + 88172645463325252) & 0x7fffffffffffffff
  return function(n)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state >> 11) % n + 1
  end
end

-- Graphs: nodes = { owner, ... }; edges = { { from, to }, ... }; roots = { { kind, node, vat,
-- dropped }, ... }

local shapes = {}

function shapes.ring(random, nodes, add)
  local first = random(#nodes)
  local size = random(#nodes - first + 1)
  for i = 0, size - 1 do
    add(first + i, first + (i + 1) % size)
  end
end

function shapes.chain(_, nodes, add)
  for i = 1, #nodes - 1 do
    add(i, i + 1)
  end
end

function shapes.star(random, nodes, add)
  local middle = random(#nodes)
  for i = 1, #nodes do
    if random(3) > 1 then
      add(middle, i)
    end
    if random(3) == 1 then
      add(i, middle)
    end
  end
end

function shapes.some(random, nodes, add)
  for _ = 1, #nodes do
    add(random(#nodes), random(#nodes))
  end
end

function shapes.many(random, nodes, add)
  for _ = 1, #nodes * 3 do
    add(random(#nodes), random(#nodes))
  end
end

function shapes.tree(random, nodes, add)
  for i = 2, #nodes do
    add(random(i - 1), i)
  end
end

local SHAPES <const> = { "ring", "ring", "chain", "star", "some", "many", "tree" }

local function new_graph(seed)
  local random = generator(seed)
  local vats = random(VATS)
  local largest = ({ 4, 8, 15, 60 })[random(4)]
  local graph = { seed = seed, nodes = {}, edges = {}, roots = {} }
  for i = 1, random(largest) do
    graph.nodes[i] = random(vats)
  end
  for _ = 1, random(3) do
    shapes[SHAPES[random(#SHAPES)]](random, graph.nodes, function(from, to)
      graph.edges[#graph.edges + 1] = { from, to }
    end)
  end
  for _ = 1, random(6) - 1 do
    local root = { kind = KINDS[random(#KINDS)], node = random(#graph.nodes), vat = random(VATS),
      dropped = random(3) > 1 }
    if root.kind == "stored" and root.vat == graph.nodes[root.node] then
      root.kind = "held" -- what is not durable cannot be stored in its own vat
    end
    graph.roots[#graph.roots + 1] = root
  end
  return graph
end

-- What a restart leaves: vats without a transcript lose their heaps, and the host what it held.
local LOST <const> = { [3] = true, [6] = true }

local function outlasts_restart(root)
  if root.kind == "held" or root.kind == "waiting" or root.kind == "parked" then
    return not LOST[root.vat]
  end
  return root.kind == "stored" or root.kind == "pin"
end

local function is_orphan(graph, node)
  return graph.restarted and LOST[graph.nodes[node]] or false
end

local function edges_of(graph)
  local out = {}
  for _, edge in ipairs(graph.edges) do
    out[edge[1]] = out[edge[1]] or {}
    table.insert(out[edge[1]], edge[2])
  end
  return out
end

--- The nodes that live; of these, the ones that somebody outside their vat holds have a row.
local function truth(graph, after_drop)
  local alive, row, todo = {}, {}, {}
  local function reach(node, holder)
    if holder ~= graph.nodes[node] then
      row[node] = true
    end
    if not alive[node] then
      alive[node] = true
      todo[#todo + 1] = node
    end
  end
  local out = edges_of(graph)
  for _, root in ipairs(graph.roots) do
    if not (after_drop and root.dropped) and (not graph.restarted or outlasts_restart(root)) then
      reach(root.node, (root.kind == "held" or root.kind == "waiting") and root.vat or 0)
    end
  end
  while #todo > 0 do
    local node = table.remove(todo)
    for _, other in ipairs(is_orphan(graph, node) and {} or out[node] or {}) do
      reach(other, graph.nodes[node])
    end
  end
  return alive, row
end

-- Building. Nothing is audited here: there are too many cranks.

local function post(k, ...)
  k:send(...):release()
end

local hold, let_go = {}, {}

function hold.held(k, root, ref)
  post(k, "n" .. root.vat, "hold", root.key, ref)
end

function let_go.held(k, root)
  post(k, "n" .. root.vat, "let_go", root.key)
end

function hold.waiting(k, root, ref)
  post(k, "n" .. root.vat, "linger", root.key, ref)
end

function let_go.waiting(k, root)
  post(k, "n" .. root.vat, "settle", root.key)
end

function hold.stored(k, root, ref)
  post(k, "n" .. root.vat, "store", root.key, ref)
end

function let_go.stored(k, root)
  post(k, "n" .. root.vat, "unstore", root.key)
end

function hold.host(k, root, ref)
  root.mine = k:ref(tostring(ref))
end

function let_go.host(_, root)
  root.mine = nil
end

function hold.handle(k, root, ref)
  root.mine = k:send("n" .. root.vat, "wait", root.key)
  post(k, "n" .. root.vat, "settle", root.key, ref)
end

function let_go.handle(_, root)
  root.mine:release()
end

function hold.value(k, root, ref) -- of a promise that the value of another holds
  local inner = k:send("n" .. root.vat, "wait", root.key .. "inner")
  root.mine = k:send("n" .. root.vat, "wait", root.key)
  post(k, "n" .. root.vat, "settle", root.key .. "inner", { ref })
  post(k, "n" .. root.vat, "settle", root.key, { { inner } })
  inner:release()
end

let_go.value = let_go.handle

function hold.pin(k, _, ref)
  k:pin(ref)
end

function let_go.pin(k, root)
  k:unpin(root.kref)
end

function hold.parked(k, root, ref)
  local p = k:send("n" .. root.vat, "wait", root.key)
  post(k, p, "hold", root.key, ref)
  p:release()
end

function let_go.parked(k, root)
  post(k, "n" .. root.vat, "settle", root.key, 5)
end

local function build(k, graph)
  local refs, names = {}, {}
  for vat = 1, VATS do
    names[vat] = {}
  end
  for node, owner in ipairs(graph.nodes) do
    table.insert(names[owner], node)
  end
  local made = {}
  for vat = 1, VATS do
    made[vat] = #names[vat] > 0 and k:send("n" .. vat, "make", names[vat])
  end
  k:run()
  for vat = 1, VATS do
    for i, ref in ipairs(made[vat] and made[vat]:values() or {}) do
      refs[names[vat][i]] = ref
    end
    if made[vat] then
      made[vat]:release()
    end
  end
  for vat = 1, VATS do
    local from, to = {}, {}
    for _, edge in ipairs(graph.edges) do
      if graph.nodes[edge[1]] == vat then
        from[#from + 1], to[#to + 1] = edge[1], refs[edge[2]]
      end
    end
    if #from > 0 then
      post(k, "n" .. vat, "wire", from, to)
    end
    if #names[vat] > 0 then
      post(k, "n" .. vat, "forget")
    end
  end
  graph.krefs = {}
  for node, ref in ipairs(refs) do
    graph.krefs[node] = tostring(ref)
  end
  for i, root in ipairs(graph.roots) do
    root.key = ("g%d_%d"):format(graph.seed, i)
    root.kref = graph.krefs[root.node]
    hold[root.kind](k, root, refs[root.node])
  end
  k:run()
end

local function drop(k, graph, all)
  for _, root in ipairs(graph.roots) do
    if root.dropped or all then
      if not root.gone and (not graph.restarted or outlasts_restart(root)) then
        let_go[root.kind](k, root)
      end
      root.gone = true
    end
  end
end

-- Looking

local function text_of(graph)
  local edges, roots = {}, {}
  for i, edge in ipairs(graph.edges) do
    edges[i] = ("%d>%d"):format(edge[1], edge[2])
  end
  for i, root in ipairs(graph.roots) do
    roots[i] = ("%s %d by n%d%s"):format(root.kind, root.node, root.vat,
      root.dropped and ", dropped" or "")
  end
  return ("SEED=%d\n  owners: %s\n  edges: %s\n  roots: %s"):format(graph.seed,
    table.concat(graph.nodes, " "), table.concat(edges, " "), table.concat(roots, "; "))
end

local function collect(k)
  collectgarbage()
  k:run()
  k:collect_garbage { cycles = true }
end

--- What is wrong with this graph, or nil. With vague, what is dead may still be there.
local function check(k, graph, rows, after_drop, vague)
  local alive, wanted = truth(graph, after_drop)
  for node, kref in ipairs(graph.krefs) do
    if wanted[node] and not rows[kref] then
      return ("node %d (%s) lives and was collected"):format(node, kref)
    elseif rows[kref] and not wanted[node] and not vague then
      return ("node %d (%s) is %s, but its row is there, held by %s"):format(node, kref,
        alive[node] and "held by its own vat alone" or "dead", helpers.show(k:holders(kref)))
    end
  end
end

--- Calls what lives, which calls what it holds.
local function call_all(k, graph, after_drop)
  local calls = {}
  local _, wanted = truth(graph, after_drop)
  for node, kref in ipairs(graph.krefs) do
    if wanted[node] then
      calls[node] = k:send(kref, "walk")
    end
  end
  for i, root in ipairs(graph.roots) do
    if root.kind == "held" and not root.gone and not (graph.restarted and LOST[root.vat]) then
      calls["root " .. i] = k:send("n" .. root.vat, "walk", root.key)
    end
  end
  return calls
end

local function judge_calls(graph, calls)
  local out = edges_of(graph)
  for i, root in ipairs(graph.roots) do
    out["root " .. i] = { root.node }
  end
  local problem
  for who, handle in pairs(calls) do
    local wanted = helpers.show(out[who] or {})
    for _, other in ipairs(out[who] or {}) do
      wanted = is_orphan(graph, other) and "object abandoned" or wanted
    end
    wanted = is_orphan(graph, who) and "object abandoned" or wanted
    local ok, names = pcall(handle.values, handle)
    local got = ok and helpers.show(names) or tostring(names)
    if got ~= wanted then
      problem = ("%s was called, and what it holds says %s, not %s"):format(who, got, wanted)
    end
    handle:release()
  end
  return problem
end

local function row_set(k)
  local rows = {}
  for _, object in ipairs(k:objects()) do
    rows[object.kref] = true
  end
  return rows
end

--- Collects and looks at everything: a problem and its graph, or nothing.
local function look(k, graphs, after_drop, vague)
  collect(k)
  local problems = k:audit()
  if #problems > 0 then
    return "audit: " .. helpers.show(problems), graphs[1]
  end
  local rows = row_set(k)
  for _, graph in ipairs(graphs) do
    local problem = check(k, graph, rows, after_drop, vague)
    if problem then
      return problem, graph
    end
  end
  local calls = {}
  for i, graph in ipairs(vague and {} or graphs) do
    calls[i] = call_all(k, graph, after_drop)
  end
  k:run()
  for i in ipairs(calls) do
    local problem = judge_calls(graphs[i], calls[i])
    if problem then
      return problem, graphs[i]
    end
  end
end

--- What is left when all roots are gone.
local function look_at_rest(k, graphs)
  collect(k)
  if #k:objects() == VATS and #k:promises() == 0 then
    return
  end
  local left = row_set(k)
  for _, graph in ipairs(graphs) do
    for node, kref in ipairs(graph.krefs) do
      if left[kref] then
        return ("when all was dropped, node %d (%s) is held by %s"):format(node, kref,
          helpers.show(k:holders(kref))), graph
      end
    end
  end
  return "when all was dropped, there is left: " .. helpers.show(k:promises()), graphs[1]
end

local OPEN <const> = { commit_every = 1000 }

-- What happens between building and dropping.
local EVENTS <const> = {
  nothing = function(k)
    return k
  end,
  restart = function(k, graphs)
    for _, graph in ipairs(graphs) do
      graph.restarted = true
      for _, root in ipairs(graph.roots) do
        root.mine = nil
      end
    end
    return (helpers.reopen(k, OPEN))
  end,
  suspend = function(k, graphs)
    k:suspend_vat("n" .. graphs[1].seed % VATS + 1)
    return k
  end,
}

--- Builds the graphs, drops, collects, looks: a problem and its graph, or nothing.
local function try(k, graphs, event)
  for _, graph in ipairs(graphs) do
    build(k, graph)
  end
  k = EVENTS[event](k, graphs)
  local problem, graph = look(k, graphs, false, event == "suspend")
  if problem then
    return "before anything was dropped: " .. problem, graph
  end
  for _, each in ipairs(graphs) do
    drop(k, each)
  end
  if event == "suspend" then
    problem, graph = look(k, graphs, true, true)
    if problem then
      return "with a vat suspended: " .. problem, graph
    end
    k:resume_vat("n" .. graphs[1].seed % VATS + 1)
  end
  problem, graph = look(k, graphs, true)
  if problem then
    return problem, graph
  end
  for _, each in ipairs(graphs) do
    drop(k, each, true)
  end
  return look_at_rest(k, graphs)
end

local function kernel(event)
  local vats = {}
  for i = 1, VATS do
    vats["n" .. i] = { source = NODES, options = { transcript = not LOST[i] } }
  end
  return helpers.kernel { db = event == "restart" or nil, open = OPEN, vats = vats }
end

-- Making a failure smaller

--- The graph without some of its parts: a range of its edges, roots or nodes.
local function without(graph, part, first, count)
  local smaller = { seed = graph.seed, nodes = {}, edges = {}, roots = {} }
  local function gone(which, i)
    return which == part and i >= first and i < first + count
  end
  local number = {}
  for i, owner in ipairs(graph.nodes) do
    if not gone("nodes", i) then
      table.insert(smaller.nodes, owner)
      number[i] = #smaller.nodes
    end
  end
  for i, edge in ipairs(graph.edges) do
    if not gone("edges", i) and number[edge[1]] and number[edge[2]] then
      table.insert(smaller.edges, { number[edge[1]], number[edge[2]] })
    end
  end
  for i, root in ipairs(graph.roots) do
    if not gone("roots", i) and number[root.node] then
      table.insert(smaller.roots, { kind = root.kind, node = number[root.node], vat = root.vat,
        dropped = root.dropped })
    end
  end
  return smaller
end

local function fails_alone(graph, event)
  local ok, problem = pcall(try, kernel(event), { graph }, event)
  helpers.clean()
  return ok and problem or not ok and tostring(problem) or nil
end

local function shrink(graph, event)
  local problem = fails_alone(without(graph), event)
  if not problem then
    return graph, nil
  end
  local tries = 0
  for _, part in ipairs { "roots", "nodes", "edges", "nodes", "edges", "roots" } do
    local size = math.max(#graph[part] // 2, 1)
    while size >= 1 do
      local first = 1
      while first <= #graph[part] and tries < 400 do
        tries = tries + 1
        local smaller = without(graph, part, first, size)
        local why = #smaller.nodes > 0 and fails_alone(smaller, event)
        if why then
          graph, problem = smaller, why
        else
          first = first + size
        end
      end
      size = size // 2
    end
  end
  return graph, problem
end

local function play(event, rounds)
  local k
  for first = SEED, SEED + rounds - 1, BATCH do
    if not k or event == "restart" then
      helpers.clean()
      k = kernel(event)
    end
    local graphs = {}
    for seed = first, math.min(first + BATCH, SEED + rounds) - 1 do
      graphs[#graphs + 1] = new_graph(seed)
    end
    local ok, problem, graph = pcall(try, k, graphs, event)
    graph = ok and graph or graphs[1]
    if not ok or problem then
      local small, why = shrink(without(graph), event)
      if why then
        error(("%s\n  %s"):format(why, text_of(small)), 0)
      end
      error(("%s\n  only together with the %d graphs from seed %d, not alone\n  %s"):format(problem,
        #graphs, first, text_of(graph)), 0)
    end
  end
end

describe("object cycles: random graphs", function()
  after_each(helpers.clean)

  it("lose what is dead and keep what is alive", function()
    play("nothing", ROUNDS)
  end)

  it("and so they do when a vat is suspended meanwhile", function()
    play("suspend", ROUNDS // 5)
  end)

  it("and when all is restarted, some vats without their heaps", function()
    play("restart", ROUNDS // 5)
  end)
end)

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
