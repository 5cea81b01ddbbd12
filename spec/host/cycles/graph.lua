--- Random graphs of objects in six vats, built by messages, and what lives of them when roots go.
--
-- A graph is { seed, nodes, edges, roots }; build makes it in a kernel, truth says which nodes live.

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

return {
  NODES = NODES, VATS = VATS, new_graph = new_graph, LOST = LOST, is_orphan = is_orphan,
  edges_of = edges_of, truth = truth, build = build, drop = drop, text_of = text_of,
  collect = collect,
}
