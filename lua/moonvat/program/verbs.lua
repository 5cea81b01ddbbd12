--- The program's commands: what each takes, what it does, what its help says.
--
-- A command gets the world (where to read and write, see cli.lua), its arguments and its options,
-- and returns the exit status; nil is 0. What goes wrong is raised: fail() for a status of its
-- own, anything else is turned into one by cli.lua.

local bundle = require "moonvat.bundle"
local config = require "moonvat.config"
local inspect = require "moonvat.program.inspect"
local json = require "moonvat.program.json"
local literal = require "moonvat.literal"
local ref = require "moonvat.ref"

local M = {}

M.DONE = 0
M.FAILED = 1
M.USAGE = 2
M.NOT_FOUND = 3
M.STOPPED = 4
M.IN_USE = 5
M.AUDIT = 6

local AFTERWARDS_MAX <const> = 10000 -- cranks that a call still runs once it has its answer

---@class Verb
---@field name string
---@field takes string its arguments, as in the usage line
---@field least integer
---@field most integer
---@field summary string
---@field about string
---@field example? string
---@field options table<string, string>
---@field free_from? integer
---@field run fun(world: World, arguments: string[], options: table): integer?

--- Ends a command with an exit status and a message.
function M.fail(status, message, ...)
  error({ status = status, message = string.format(message, ...) }, 0)
end

local function open(world, path, settings)
  if path == ":memory:" and not settings.fresh then
    M.fail(M.USAGE, "a database in memory begins empty; name a file, as in bank.db")
  elseif not settings.create and path ~= ":memory:" and not world.exists(path) then
    M.fail(M.FAILED, "%s: no such database; moonvat run CONFIG --db %s makes one", path, path)
  end
  return world.open { db = path, readonly = settings.readonly, log = world.log }
end

local function print_lines(world, lines)
  for _, line in ipairs(lines) do
    world.out(line .. "\n")
  end
end

local function plural(count, word)
  return string.format("%d %s", count, count == 1 and word or (word .. "s"):gsub("ys$", "ies"))
end

-- run

local function default_db(path)
  return (path:gsub("%.lua$", "")) .. ".db"
end

local function fingerprint(world, spec)
  return world.core().sha256(config.canonical(spec))
end

local function launched_text(cluster)
  local vats = {}
  for name, id in pairs(cluster.vats) do
    vats[#vats + 1] = { name = name, id = id }
  end
  table.sort(vats, function(a, b)
    return ref.less(a.id, b.id)
  end)
  for i, vat in ipairs(vats) do
    vats[i] = vat.id .. " " .. vat.name
  end
  return table.concat(vats, ", ")
end

-- Those that this program offers; read with the kernel, which most commands do without.
local function services()
  return require "moonvat.service".names()
end

local function launch(world, k, spec, path)
  local cluster = k:launch_cluster(spec)
  k:set_setting("config", fingerprint(world, spec))
  k:set_setting("config_name", bundle.basename(path))
  world.say("launched %s from %s: %s", cluster.id, path, launched_text(cluster))
  return cluster.bootstrap
end

-- A database that was launched needs its config no more; it is read only to tell of a difference.
local function compare(world, k, path, db)
  local then_hash = k:setting "config"
  if not then_hash then
    world.say("%s was launched by another program; going on with what it has", db)
    return
  end
  local name = k:setting "config_name"
  local ok, spec = pcall(config.load, path, nil, services())
  if not ok then
    world.say("%s cannot be used as it is now (%s); going on with what %s has", path,
      literal.plain(tostring(spec)), db)
  elseif fingerprint(world, spec) == then_hash then
    return
  elseif name ~= bundle.basename(path) then
    world.say("%s was launched from %s; going on with what it has", db, name)
  else
    world.say("%s or one of its sources has changed since it was launched; "
      .. "going on with what %s has", path, db)
  end
end

local function report_bootstrap(world, handle)
  if handle and handle:status() == "rejected" then
    world.complain("bootstrap: " .. literal.reason(handle:reason()))
    return M.FAILED
  end
  return M.DONE
end

-- Until nothing is left to do; with --follow, until no timer is left either.
local function run_all(world, k, options)
  local cranks = 0
  while true do
    local limits = options.cranks and { cranks = options.cranks - cranks }
    cranks = cranks + k:run(limits)
    if not options.follow or options.cranks and cranks >= options.cranks then
      return cranks
    end
    local due = require "moonvat.timer".next_due(k.public)
    if not due then
      return cranks
    end
    world.core().sleep(due - k:now())
  end
end

local function run(world, arguments, options)
  local path = arguments[1]
  local db = options.db or default_db(path)
  local spec
  if not world.exists(db) then
    spec = config.load(path, nil, services())
  end
  local k <close> = open(world, db, { create = true, fresh = true })
  local bootstrap
  if k:setting "config" or #k:clusters() > 0 then
    compare(world, k, path, db)
  else
    spec = spec or config.load(path, nil, services())
    bootstrap = launch(world, k, spec, path)
  end
  local cranks = run_all(world, k, options)
  local left = inspect.left(k)
  if options.cranks and cranks >= options.cranks and left > 0 then
    world.say("stopped after %s; %s left in the queue", plural(cranks, "crank"),
      plural(left, "item"))
    return M.STOPPED
  end
  return report_bootstrap(world, bootstrap)
end

-- call, send

local function read_values(k, arguments, from)
  local values = { n = #arguments - from + 1 }
  for i = 1, values.n do
    local missing
    local ok, value = literal.parse(arguments[from + i - 1], function(kref)
      local found, reference = pcall(k.ref, k, kref)
      missing = missing or not found and reference
      return found and reference or nil
    end)
    if missing then
      error(missing, 0)
    elseif not ok then
      local text = arguments[from + i - 1]
      M.fail(M.USAGE, "argument %d, %s: %s", i, literal.shown(text), text:find "^%-%-%a"
        and "no option, for what follows METHOD is a value, and no value either" or value)
    end
    values[i] = value
  end
  return values
end

local function send_from(k, arguments)
  local values = read_values(k, arguments, 4)
  local target = arguments[2]:gsub("^@", "")
  return k:send(target, arguments[3], table.unpack(values, 1, values.n))
end

local function call(world, arguments)
  local k <close> = open(world, arguments[1], {})
  local handle = send_from(k, arguments)
  local values = table.pack(k:settle(handle))
  if values[1] == "unresolved" then
    M.fail(M.FAILED, "%s is still unresolved, and there is nothing left to run", handle.kref)
  end
  local status = M.DONE
  if values[1] == "rejected" then
    world.complain(literal.reason(values[2]))
    status = M.FAILED
  else
    for i = 2, values.n do
      world.out(literal.show(values[i]) .. "\n")
    end
  end
  handle:release()
  if k:run { cranks = AFTERWARDS_MAX } >= AFTERWARDS_MAX then
    world.say("the call is done; %s left in the queue", plural(inspect.left(k), "item"))
  end
  return status
end

local function send(world, arguments)
  local k <close> = open(world, arguments[1], {})
  local handle = send_from(k, arguments)
  k:pin(handle.kref)
  k:commit()
  world.out(handle.kref .. "\n")
end

-- Looking.

-- A reference as it was typed, maybe with the @ that listings of values put before it.
local function read_kref(text)
  local kref = text:gsub("^@", "")
  if not ref.is_kref(kref) then
    M.fail(M.USAGE, "%s is no reference; write ko20 for an object, kp40 for a promise",
      literal.plain(text))
  end
  return kref
end

local function list(name)
  local listing = inspect.listings[name]
  return function(world, arguments, options)
    local about = listing.about == "KREF" and read_kref(arguments[2]) or arguments[2]
    local k <close> = open(world, arguments[1], { readonly = true })
    local how = { json = options.json, paint = world.heading }
    print_lines(world, inspect.listing(k[name](k, about), listing, how))
  end
end

-- What `send` pinned is let go once it was seen settled; not when somebody else has the database.
local function let_go(world, db, kref)
  local ok, k = pcall(open, world, db, {})
  if ok then
    pcall(k.unpin, k, kref)
    k:close()
  end
end

local function is_pinned(k, kref)
  for _, holder in ipairs(k:holders(kref)) do
    if holder.kind == "pin" then
      return true
    end
  end
  return false
end

local function facts_as_json(facts)
  local values = facts.values
  if values then
    facts.values = {}
    for i = 1, values.n do
      facts.values[i] = values[i] == nil and json.null or values[i]
    end
  end
  return json.encode(facts)
end

local function show(world, arguments, options)
  local db, kref = arguments[1], read_kref(arguments[2])
  local settled, pinned
  do
    local k <close> = open(world, db, { readonly = true })
    local facts = k:show(kref)
    settled = facts.state == "fulfilled" or facts.state == "rejected"
    pinned = is_pinned(k, kref)
    facts.holders = k:holders(kref)
    print_lines(world, options.json and { facts_as_json(facts) } or inspect.facts(facts))
  end
  if settled and pinned then
    let_go(world, db, kref)
  end
end

local function dump(world, arguments)
  local k <close> = open(world, arguments[1], { readonly = true })
  for line in k:dump():gmatch "([^\n]*)\n?" do
    if line ~= "" then
      world.out(literal.plain(line) .. "\n")
    end
  end
end

local function audit(world, arguments, options)
  local k <close> = open(world, arguments[1], { readonly = true })
  local problems = k:audit()
  if #problems == 0 then
    world.say("%s: no problems found", arguments[1])
    return M.DONE
  end
  for _, problem in ipairs(problems) do
    if options.json then
      world.out(json.encode(type(problem) == "table" and problem or { problem = problem }) .. "\n")
    else
      world.out(inspect.cell(problem) .. "\n")
    end
  end
  return M.AUDIT
end

-- Changing.

local function install(world, arguments)
  local k <close> = open(world, arguments[1], {})
  config.check_name(nil, arguments[2], "bundle")
  world.out(k:install_bundle(arguments[2], config.load_source(arguments[3], "")) .. "\n")
end

local function size_text(path)
  local file <close> = io.open(path, "rb")
  return file and ("%d KiB"):format((file:seek "end" + 1023) // 1024) or "no file"
end

local function compact(world, arguments)
  local path = arguments[1]
  local before = size_text(path)
  local done
  do
    local k <close> = open(world, path, {})
    done = k:compact()
  end
  world.say("%s: %s of %s pruned; %s, was %s", path, plural(done.deliveries, "delivery"),
    plural(done.vats, "vat"), size_text(path), before)
  if done.vats > 0 then
    world.say("these vats now come back by their images alone; another build of the vat layer than "
      .. "this one (%s) cannot use them: there, upgrade the vats", done.build:sub(1, 12))
  end
  if done.skipped > 0 then
    world.say("%s cannot be brought back, and kept what it has", plural(done.skipped, "vat"))
  end
end

local function try_upgrade(world, k, vat, source)
  local result = k:try_upgrade(vat, { bundle = source and config.load_source(source, "") })
  if not result.ok then
    world.complain("the upgrade would fail: " .. literal.plain(tostring(result.reason)))
    return M.FAILED
  end
  if result.promises > 0 then
    world.say("%s that it has made would be rejected VatUpgraded",
      plural(result.promises, "promise"))
  end
  world.say("the upgrade would succeed; nothing has been changed")
  world.out(literal.show { incarnation = result.incarnation } .. "\n")
end

local function upgrade(world, arguments, options)
  local k <close> = open(world, arguments[1], {})
  if options["dry-run"] then
    return try_upgrade(world, k, arguments[2], arguments[3])
  end
  local source = arguments[3] and config.load_source(arguments[3], "")
  local how, result = k:settle(k:upgrade_vat(arguments[2], { bundle = source }))
  if how == "unresolved" then
    M.fail(M.FAILED, "the upgrade of %s waits, and there is nothing left to run", arguments[2])
  elseif how == "rejected" then
    world.complain(literal.reason(result))
    return M.FAILED
  end
  world.out(literal.show(result) .. "\n")
  k:run { cranks = AFTERWARDS_MAX }
end

-- The rest.

local function repl(world, arguments, options)
  local k <close> = open(world, arguments[1],
    { readonly = options.readonly, fresh = not options.readonly })
  return require "moonvat.program.repl".run(world, k)
end

local function bench(_, arguments)
  local found, module = pcall(require, "moonvat.program.bench")
  if not found then
    M.fail(M.FAILED, "bench is not available in this version")
  end
  return module.main(arguments)
end

local function version(world)
  world.out("moonvat " .. world.core().version .. "\n")
end

local JSON <const> = { json = "flag" }

local function listing_verb(name)
  local listing = inspect.listings[name]
  return {
    name = name,
    takes = listing.about and "DB " .. listing.about or "DB",
    least = listing.about and 2 or 1,
    most = listing.about and 2 or 1,
    summary = "list " .. listing.summary,
    about = "Shows the last commit, also while another process has the database open.\n"
      .. "With --json, each line is one object.",
    options = JSON,
    run = list(name),
  }
end

---@type Verb[]
M.list = {
  {
    name = "run", takes = "CONFIG [--db FILE] [--cranks N] [--follow]", least = 1, most = 1,
    summary = "launch a cluster, or go on with it, until it is idle",
    about = [[
Launches what CONFIG says into the database and runs until nothing is left to do. On a database
that was launched before, it goes on with what the database has, and says so when CONFIG or one of
its sources has changed since. FILE is CONFIG with .db when not given. With --cranks it stops
after N cranks; the exit status is then 4 when work is left. With --follow it stays while timers
wait, and goes on when they are due.]],
    example = "moonvat run examples/bank/bank.lua --db bank.db",
    options = { db = "FILE", cranks = "N", follow = "flag" }, run = run,
  },
  {
    name = "call", takes = "DB TARGET METHOD [ARG ...]", least = 3, most = math.huge,
    summary = "send a message, run, print the result",
    about = [[
TARGET is a vat's name or id, or a reference such as ko20. Each ARG is a Lua literal (quote
strings for the shell as well: '"Ada"'), or @ko20 for a reference. Each value of the result is
printed as a Lua literal on a line of its own. A rejection goes to standard error, with status 1.]],
    example = [[moonvat call bank.db greeter greet '"Ada"' '{ polite = true }']],
    options = {}, free_from = 4, run = call,
  },
  {
    name = "send", takes = "DB TARGET METHOD [ARG ...]", least = 3, most = math.huge,
    summary = "queue a message, print its promise",
    about = [[
Takes what call takes, but runs nothing: the next run, call or prompt delivers the message. The
promise for its result is kept until show has shown it settled.]],
    example = "moonvat send bank.db counter increment 5",
    options = {}, free_from = 4, run = send,
  },
  {
    name = "repl", takes = "DB [--readonly]", least = 1, most = 1,
    summary = "inspect and drive a kernel at a Lua prompt",
    about = [[
Reads Lua from standard input with the kernel as k, the vats' roots by name, and E(target):method()
to send. :help lists the commands. DB may be :memory: for a kernel without a file. With --readonly
it shows the last commit, also while another process has the database open.]],
    example = "moonvat repl bank.db",
    options = { readonly = "flag" }, run = repl,
  },
  listing_verb "vats",
  listing_verb "objects",
  listing_verb "promises",
  listing_verb "queue",
  listing_verb "bundles",
  listing_verb "images",
  listing_verb "stats",
  listing_verb "clusters",
  listing_verb "clist",
  listing_verb "vatstore",
  listing_verb "baggage",
  listing_verb "holders",
  {
    name = "show", takes = "DB KREF [--json]", least = 2, most = 2,
    summary = "show all about one object or promise",
    about = [[
A promise that send has queued is kept for you to look at; once show has shown it settled, it is
let go.]],
    example = "moonvat show bank.db kp40",
    options = JSON, run = show,
  },
  {
    name = "dump", takes = "DB", least = 1, most = 1,
    summary = "print the whole state as one text, the same for the same state",
    about = "Two databases with the same dump behave the same. Made for diff.",
    example = "moonvat dump bank.db > before.txt",
    options = {}, run = dump,
  },
  {
    name = "audit", takes = "DB [--json]", least = 1, most = 1,
    summary = "check every count and table against each other",
    about = "Prints each problem on a line of its own; the exit status is then 6.",
    options = JSON, run = audit,
  },
  {
    name = "install", takes = "DB NAME FILE", least = 3, most = 3,
    summary = "give a source a name, under which vats can be made from it",
    about = [[
Reads FILE with its modules into the database and prints its hash. vat_admin makes vats of it by
NAME, and upgrades them to it. A name that is taken goes to the new source; vats that run keep what
they have.]],
    example = "moonvat install bank.db purse vats/purse.lua",
    options = {}, run = install,
  },
  {
    name = "compact", takes = "DB", least = 1, most = 1,
    summary = "delete the history that no vat needs to come back",
    about = [[
Saves an image of each vat's heap, and deletes the deliveries before it. The vats then come back by
their images, which only the same build of Moonvat's vat layer can use: a later build cannot replay
them, and they must be upgraded. Vats with snapshot_interval = 0 keep their whole transcript.]],
    example = "moonvat compact bank.db",
    options = {}, run = compact,
  },
  {
    name = "upgrade", takes = "DB VAT [SOURCE] [--dry-run]", least = 2, most = 3,
    summary = "give a vat new code; it keeps what is durable",
    about = [[
Reads SOURCE with its modules, or starts the vat anew from the source it has. What is durable in
the vat stays; when the new code fails to start, the vat goes on as it was. With --dry-run it only
says whether the new code would start.]],
    example = "moonvat upgrade bank.db teller vats/teller.lua",
    options = { ["dry-run"] = "flag" }, run = upgrade,
  },
  {
    name = "bench", takes = "[WORKLOAD] [--json] [--runs N] [--quick] [--dir DIR]",
    least = 0, most = math.huge,
    summary = "measure this machine on a workload, or on all",
    about = [[
Measures the workloads w1 to w10: ping-pong, one-way, vatstore, vats, restart, churn, lives,
rollback, limits, images. Each figure is the median of N runs, of five when not given; --quick
makes one run of a tenth of the work. The databases are made in DIR, $TMPDIR or /tmp, and removed
again.]],
    example = "moonvat bench w1 --quick",
    options = {}, free_from = 1, run = bench,
  },
  {
    name = "version", takes = "", least = 0, most = 0,
    summary = "print the version", about = "Prints the name and the version.",
    options = {}, run = version,
  },
}

M.by_name = {}
for _, verb in ipairs(M.list) do
  M.by_name[verb.name] = verb
  if verb.options == JSON and not verb.takes:find "json" then
    verb.takes = verb.takes .. " [--json]"
  end
end

return M
