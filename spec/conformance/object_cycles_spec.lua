--- Objects in several vats that hold each other: when nothing else holds them, all of them go, and
-- never one that somebody can still reach.
--
-- Random graphs are built by messages in six vats, roots of all kinds are dropped, and a model says
-- which objects live. SEED=n and ROUNDS=n choose other graphs than the usual ones and how many;
-- one that fails is built again alone and made smaller, as long as it fails.

local helpers = require "spec.support.helpers"

local same = helpers.same

local ROUNDS <const> = math.tointeger(tonumber(os.getenv "ROUNDS")) or 2000
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
        pass = function(self, to, i) E.send_only(to):link(edges[i]) end,
        hold_across = function(self, p) await(p) return #edges end,
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
      walk = function(self, key) return walk { held[key] } end,
      store = function(self, key, x) vat.baggage[key] = { x } end,
      unstore = function(self, key) vat.baggage[key] = nil end,
      wait = function(self, key)
        local p
        p, open[key] = promise()
        return p
      end,
      settle = function(self, key, x)
        open[key](x)
        open[key] = nil
      end,
    })
  end
]]

local VATS <const> = 6
local KINDS <const> = { "held", "held", "held", "stored", "host", "handle", "pin", "parked",
  "value" }

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
  local out = {}
  for _, edge in ipairs(graph.edges) do
    out[edge[1]] = out[edge[1]] or {}
    table.insert(out[edge[1]], edge[2])
  end
  for _, root in ipairs(graph.roots) do
    if not (after_drop and root.dropped) then
      reach(root.node, root.kind == "held" and root.vat or 0)
    end
  end
  while #todo > 0 do
    local node = table.remove(todo)
    for _, other in ipairs(out[node] or {}) do
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
      if not root.gone then
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

--- What is wrong with this graph, or nil.
local function check(k, graph, rows, after_drop)
  local alive, wanted = truth(graph, after_drop)
  for node, kref in ipairs(graph.krefs) do
    if wanted[node] and not rows[kref] then
      return ("node %d (%s) lives and was collected"):format(node, kref)
    elseif rows[kref] and not wanted[node] then
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
    if root.kind == "held" and not root.gone then
      calls["root " .. i] = k:send("n" .. root.vat, "walk", root.key)
    end
  end
  return calls
end

local function judge_calls(graph, calls)
  local out = {}
  for _, edge in ipairs(graph.edges) do
    out[edge[1]] = out[edge[1]] or {}
    table.insert(out[edge[1]], edge[2])
  end
  for i, root in ipairs(graph.roots) do
    out["root " .. i] = { root.node }
  end
  local problem
  for who, handle in pairs(calls) do
    local ok, names = pcall(handle.values, handle)
    local got = ok and helpers.show(names) or tostring(names)
    if got ~= helpers.show(out[who] or {}) then
      problem = ("%s was called, and what it holds says %s, not %s"):format(who, got,
        helpers.show(out[who] or {}))
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

--- Builds the graphs, drops, collects, looks: a problem and its graph, or nothing.
local function try(k, graphs)
  local function look(after_drop)
    collect(k)
    local problems = k:audit()
    if #problems > 0 then
      return "audit: " .. helpers.show(problems), graphs[1]
    end
    local rows = row_set(k)
    for _, graph in ipairs(graphs) do
      local problem = check(k, graph, rows, after_drop)
      if problem then
        return problem, graph
      end
    end
    local calls = {}
    for i, graph in ipairs(graphs) do
      calls[i] = call_all(k, graph, after_drop)
    end
    k:run()
    for i, graph in ipairs(graphs) do
      local problem = judge_calls(graph, calls[i])
      if problem then
        return problem, graph
      end
    end
  end
  for _, graph in ipairs(graphs) do
    build(k, graph)
  end
  local problem, graph = look(false)
  if problem then
    return "before anything was dropped: " .. problem, graph
  end
  for _, each in ipairs(graphs) do
    drop(k, each)
  end
  problem, graph = look(true)
  if problem then
    return problem, graph
  end
  for _, each in ipairs(graphs) do
    drop(k, each, true)
  end
  collect(k)
  if #k:objects() > VATS or #k:promises() > 0 then
    local left = row_set(k)
    for _, each in ipairs(graphs) do
      for node, kref in ipairs(each.krefs) do
        if left[kref] then
          return ("when all was dropped, node %d (%s) is held by %s"):format(node, kref,
            helpers.show(k:holders(kref))), each
        end
      end
    end
    return "when all was dropped, there is left: " .. helpers.show(k:promises()), graphs[1]
  end
end

local function kernel(db)
  local vats = {}
  for i = 1, VATS do
    vats["n" .. i] = { source = NODES, options = { transcript = i % 3 > 0 } }
  end
  return helpers.kernel { db = db, open = { commit_every = 1000 }, vats = vats }
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

local function fails_alone(graph)
  local k = kernel()
  local ok, problem = pcall(try, k, { graph })
  helpers.close(k)
  return ok and problem or not ok and tostring(problem) or nil
end

local function shrink(graph)
  local problem = fails_alone(without(graph))
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
        local why = #smaller.nodes > 0 and fails_alone(smaller)
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

local function report(problem, graph)
  local small, why = shrink(graph)
  if why then
    error(("%s\n  %s"):format(why, text_of(small)), 0)
  end
  error(("%s\n  only together with the other graphs of its batch, not alone\n  %s"):format(problem,
    text_of(graph)), 0)
end

describe("object cycles: random graphs", function()
  after_each(helpers.clean)

  it("lose what is dead and keep what is alive", function()
    local k = kernel()
    for first = SEED, SEED + ROUNDS - 1, BATCH do
      local graphs = {}
      for seed = first, math.min(first + BATCH, SEED + ROUNDS) - 1 do
        graphs[#graphs + 1] = new_graph(seed)
      end
      local problem, graph = try(k, graphs)
      if problem then
        report(problem, without(graph))
      end
    end
  end)
end)
