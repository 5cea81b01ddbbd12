--- The program's commands: what each takes, what it does, what its help says.
--
-- From this table come the help, the man page (csrc/program/man.lua writes it) and, for those that
-- look at a kernel, the prompt's commands. A command gets the world (where to read and write, see
-- cli.lua), its arguments and its options, and returns the exit status; nil is 0. What goes wrong
-- is raised. Its file is read when it runs.

local inspect = require "moonvat.program.inspect"

local M = {}

---@class Command
---@field name string
---@field takes string its arguments and options, as in the usage line
---@field summary string
---@field about string
---@field example? string
---@field free_from? integer from this argument on, all are taken as they are; 1: it reads its own
---@field run fun(world: World, arguments: string[], options: table): integer?
---
--- What `takes` says, in detail:
---@field names string[] of the arguments
---@field least integer how many there must be
---@field most integer how many there may be
---@field options table<string, string> by name: "flag", or what the value is called

local function from(file, name)
  return function(...)
    return require("moonvat.program." .. file)[name](...)
  end
end

local function version(world)
  world.out("moonvat " .. world.core().version .. "\n")
end

local function listing(name)
  local about = inspect.listings[name].about
  return {
    name = name,
    takes = about and "DB " .. about .. " [--json]" or "DB [--json]",
    summary = "list " .. inspect.listings[name].summary,
    about = "Shows the last commit, also while another process has the database open.\n"
      .. "With --json, each line is one object.",
    run = from("look", name),
  }
end

---@type Command[]
M.list = {
  {
    name = "run", takes = "CONFIG [--db FILE] [--cranks N] [--follow]",
    summary = "launch a cluster, or go on with it, until it is idle",
    about = [[
Launches what CONFIG says into the database and runs until nothing is left to do. On a database
that was launched before, it goes on with what the database has, and says so when CONFIG or one of
its sources has changed since. FILE is CONFIG with .db when not given. With --cranks it stops
after N cranks; the exit status is then 4 when work is left. With --follow it stays while timers
wait, and goes on when they are due.]],
    example = "moonvat run examples/bank/bank.lua --db bank.db",
    run = from("run", "run"),
  },
  {
    name = "call", takes = "DB TARGET METHOD [ARG ...]",
    summary = "send a message, run, print the result",
    about = [[
TARGET is a vat's name or id, or a reference such as ko20. Each ARG is a Lua literal (quote
strings for the shell as well: '"Ada"'), or @ko20 for a reference. Each value of the result is
printed as a Lua literal on a line of its own. A rejection goes to standard error, with status 1.]],
    example = [[moonvat call bank.db greeter greet '"Ada"' '{ polite = true }']],
    free_from = 4, run = from("send", "call"),
  },
  {
    name = "send", takes = "DB TARGET METHOD [ARG ...]",
    summary = "queue a message, print its promise",
    about = [[
Takes what call takes, but runs nothing: the next run, call or prompt delivers the message. The
promise for its result is kept until show has shown it settled.]],
    example = "moonvat send bank.db counter increment 5",
    free_from = 4, run = from("send", "send"),
  },
  {
    name = "repl", takes = "DB [--readonly]",
    summary = "inspect and drive a kernel at a Lua prompt",
    about = [[
Reads Lua from standard input with the kernel as k, the vats' roots by name, and E(target):method()
to send. :help lists the commands. DB may be :memory: for a kernel without a file. With --readonly
it shows the last commit, also while another process has the database open.]],
    example = "moonvat repl bank.db",
    run = from("repl", "repl"),
  },
  listing "vats",
  listing "objects",
  listing "promises",
  listing "queue",
  listing "bundles",
  listing "images",
  listing "stats",
  listing "clusters",
  listing "clist",
  listing "vatstore",
  listing "baggage",
  listing "holders",
  {
    name = "show", takes = "DB KREF [--json]",
    summary = "show all about one object or promise",
    about = [[
A promise that send has queued is kept for you to look at; once show has shown it settled, it is
let go.]],
    example = "moonvat show bank.db kp40",
    run = from("look", "show"),
  },
  {
    name = "dump", takes = "DB",
    summary = "print the whole state as one text, the same for the same state",
    about = "Two databases with the same dump behave the same. Made for diff.",
    example = "moonvat dump bank.db > before.txt",
    run = from("look", "dump"),
  },
  {
    name = "audit", takes = "DB [--json]",
    summary = "check every count and table against each other",
    about = "Prints each problem on a line of its own; the exit status is then 6.",
    run = from("look", "audit"),
  },
  {
    name = "install", takes = "DB NAME FILE",
    summary = "give a source a name, under which vats can be made from it",
    about = [[
Reads FILE with its modules into the database and prints its hash. vat_admin makes vats of it by
NAME, and upgrades them to it. A name that is taken goes to the new source; vats that run keep what
they have.]],
    example = "moonvat install bank.db purse vats/purse.lua",
    run = from("change", "install"),
  },
  {
    name = "compact", takes = "DB",
    summary = "delete the history that no vat needs to come back",
    about = [[
Saves an image of each vat's heap, and deletes the deliveries before it. The vats then come back by
their images, which only the same build of Moonvat's vat layer can use: a later build cannot replay
them, and they must be upgraded. Vats with snapshot_interval = 0 keep their whole transcript.]],
    example = "moonvat compact bank.db",
    run = from("change", "compact"),
  },
  {
    name = "upgrade", takes = "DB VAT [SOURCE] [--dry-run]",
    summary = "give a vat new code; it keeps what is durable",
    about = [[
Reads SOURCE with its modules, or starts the vat anew from the source it has. What is durable in
the vat stays; when the new code fails to start, the vat goes on as it was. With --dry-run it only
says whether the new code would start.]],
    example = "moonvat upgrade bank.db teller vats/teller.lua",
    run = from("change", "upgrade"),
  },
  {
    name = "bench", takes = "[WORKLOAD] [--json] [--runs N] [--quick] [--dir DIR]",
    summary = "measure this machine on a workload, or on all",
    about = [[
Measures the workloads w1 to w10: ping-pong, one-way, vatstore, vats, restart, churn, lives,
rollback, limits, images. Each figure is the median of N runs, of five when not given; --quick
makes one run of a tenth of the work. The databases are made in DIR, $TMPDIR or /tmp, and removed
again.]],
    example = "moonvat bench w1 --quick",
    free_from = 1, run = from("bench", "bench"),
  },
  {
    name = "version", takes = "",
    summary = "print the version", about = "Prints the name and the version.",
    run = version,
  },
}

--- What explains the others; it is none of them.
M.help = { name = "help", takes = "[COMMAND]", summary = "explain a command" }

---@type table<string, Command>
M.by_name = {}

local function read_takes(command)
  local names, options, optional, many = {}, {}, {}, false
  local required = command.takes:gsub("%[(.-)%]", function(inner)
    local option, value = inner:match "^%-%-(%S+) ?(%S*)$"
    if option then
      options[option] = value == "" and "flag" or value
    else
      optional[#optional + 1] = inner:match "%u+"
      many = many or inner:find("...", 1, true) ~= nil
    end
    return ""
  end)
  for name in required:gmatch "%u+" do
    names[#names + 1] = name
  end
  command.least = #names
  table.move(optional, 1, #optional, #names + 1, names)
  command.names = names
  command.most = (many or command.free_from == 1) and math.huge or #names
  command.options = command.free_from == 1 and {} or options
end

for _, command in ipairs(M.list) do
  read_takes(command)
  M.by_name[command.name] = command
end

return M
