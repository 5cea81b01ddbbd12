--- Objects in several vats that hold each other: when nothing else holds them, all of them go, and
-- never one that somebody can still reach.
--
-- Random graphs are built by messages in six vats, roots of all kinds are dropped, and a model says
-- which objects live. SEED=n and ROUNDS=n choose other graphs than the usual ones and how many;
-- one that fails is built again alone and made smaller, as long as it fails.

local helpers = require "spec.support.helpers"
local pace = require "spec.support.pace"
local shared = require "spec.host.cycles.graph"

local NODES, VATS, new_graph, LOST = shared.NODES, shared.VATS, shared.new_graph, shared.LOST
local is_orphan, edges_of, truth = shared.is_orphan, shared.edges_of, shared.truth
local build, drop, text_of, collect = shared.build, shared.drop, shared.text_of, shared.collect
local ROUNDS <const> = math.tointeger(tonumber(os.getenv "ROUNDS")) or pace.rounds(2000)
local SEED <const> = math.tointeger(tonumber(os.getenv "SEED")) or 1
local BATCH <const> = 25 -- graphs in one kernel at a time

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
