---@meta moonvat.core
-- luacheck: no unused args, ignore 241

--- The C module: a kernel as userdata. `require "moonvat"` opens one and adds the methods that
--- read files.
local core = {}

---@type string
core.version = ""

---@class VatOption
---@field name string
---@field kind "flag"|"whole"|"seconds"|"choice"
---@field default boolean|number|string
---@field least? number of a whole number or seconds
---@field most? number
---@field words? string[] of a choice
---@field wanted? string what it must be, for errors; a choice's words say it
---@field text string what it means

--- The options of a vat.
---@type VatOption[]
core.vat_options = {}

---@param bytes string
---@return string hex
function core.sha256(bytes) end

--- Seconds since the machine's start, which never go back.
---@return number
function core.clock() end

--- Whether something is there under this name. It is not opened: of a pipe that would wait.
---@param path string
---@return boolean
function core.exists(path) end

--- Seconds that each of so many commits of one small row takes, in a file at the path that is
--- removed again.
---@param path string
---@param commits integer
---@return number
function core.sqlite_commits(path, commits) end

--- Sleeps for a second at most.
---@param seconds number
function core.sleep(seconds) end

--- Who fires the timers that are due; it returns whether there were some.
---@param ticker fun(k: Kernel): boolean
function core.set_ticker(ticker) end

---@class LogEntry
---@field vat string? the vat's name
---@field level "print"|"undone"|"fault"|"unhandled"|"notice"
---@field text string
---@field crank integer

---@class OpenOptions
---@field db string the database's path, created when missing, or ":memory:"
---@field commit_every? integer cranks in a transaction: 1
---@field commit_ms? integer commit after so many milliseconds; 0 is off
---@field vats_online? integer vats kept in memory: 50
---@field log? fun(entry: LogEntry)
---@field readonly? boolean take no lock; only listings, of the last commit
---@field clock? fun(): number the time, in seconds since 1970: the system's when left out
---@field services? table<string, table<string, fun(effect: Effect, ...): ...>> by name and method

---@class Effect
---@field id string the same each time the call is made, also after a crash
local Effect = {}

--- The call is answered later: returns resolve and reject.
---@return fun(...: any) resolve
---@return fun(reason: any) reject
function Effect:defer() end

--- An error value for a table that is one: has a name and a message; its `tostring` is its message.
--- Anything else is returned as it is.
---@param value any
---@return any
function core.error_value(value) end

--- Says who answers calls of the host's objects. One for the process.
---@param serve fun(k: Kernel, call: ServiceCall)
function core.set_server(serve) end

---@class ServiceCall
---@field seq integer what to answer
---@field service string
---@field subject string? for what administers a vat: the vat's id
---@field method string
---@field crank integer the crank that made the call
---@field syscall integer the place of the call in it
---@field arguments table with the field n

--- From now on the methods of kernels, references and handles raise what the face makes of an error
--- and of the place where they were called. Without one they raise the error, as those in
--- core.methods do always. Returns the table of the kernel's methods, to which others may be added.
---@param face fun(reason: Failure, place: string): any
---@return Kernel
function core.set_face(face) end

---@param options OpenOptions
---@return Kernel
function core.open(options) end

--- What stands for an object or promise of the kernel: prints as `ko20`, can be passed.
---@class Reference

---@alias Target Reference|Handle|string a kref, a vat's name or id, or `s2.counter`

---@class Handle
---@field kref string
local Handle = {}

---@return "unresolved"|"fulfilled"|"rejected"
function Handle:status() end

--- The values it is fulfilled with; raises the reason when rejected, and while unresolved.
---@return any ...
function Handle:values() end

---@return any reason nil when it is not rejected
function Handle:reason() end

--- Lets the promise go. Everything else raises afterwards.
function Handle:release() end

---@class Cluster
---@field id string
---@field vats table<string, string> ids by name
---@field bootstrap Handle?

---@class Kernel
local Kernel = {}

--- The kernel's methods, as functions that raise data: see failure.lua.
core.methods = Kernel

--- Starts a cluster: all its vats or none; queues bootstrap.
---@param spec ClusterSpec
---@return Cluster
function Kernel:launch_cluster(spec) end

--- Starts a cluster from a config: a path, or the table itself with the folder of its sources.
---@param config string|table
---@param base? string
---@return Cluster
function Kernel:launch(config, base) end

---@return table[]
function Kernel:clusters() end

---@param id string
---@param reason? string
function Kernel:terminate_cluster(id, reason) end

--- Runs until the queue is empty or a limit is met, and commits.
---@param limits? { cranks: integer?, ms: number? }
---@return integer cranks
function Kernel:run(limits) end

--- Runs one crank. False, with a commit, when there was nothing to do.
---@return boolean
function Kernel:step() end

--- Queues a message.
---@param target Target
---@param method string
---@param ... any
---@return Handle
function Kernel:send(target, method, ...) end

--- Sends, runs until the result settles, and returns its values or raises its reason.
---@param target Target
---@param method string
---@param ... any
---@return any ...
function Kernel:call(target, method, ...) end

--- Runs until a promise is settled and that is committed; "unresolved" when nothing is left to do
--- before.
---@param promise Handle|string
---@return "fulfilled"|"rejected"|"unresolved"
---@return any ... the values, or the reason
function Kernel:settle(promise) end

---@param name string
---@return Reference
function Kernel:root(name) end

---@param kref string
---@return Reference
function Kernel:ref(kref) end

---@param kref string
---@return Handle
function Kernel:promise(kref) end

function Kernel:commit() end

--- Commits and closes. Closing again does nothing.
function Kernel:close() end

---@param name string
---@param path string
---@return string sha256
function Kernel:install_bundle(name, path) end

--- Starts a vat now, or raises and leaves nothing.
---@param settings { name: string, source: string?, bundle: string?, parameters: table?,
--- options: table? }
---@return string id
---@return Reference root
function Kernel:create_vat(settings) end

--- create_vat for a call of vat_admin, which is answered in the same crank. The vat joins the
--- caller's cluster.
---@param settings table
---@param seq integer
function Kernel:create_vat_for(settings, seq) end

--- Queues an upgrade; the handle is for `{ incarnation = n }`.
---@param vat string
---@param settings? { source: string?, bundle: string?, parameters: table? }
---@return Handle
function Kernel:upgrade_vat(vat, settings) end

---@param settings? { dry_run: boolean? }
---@return { vat: string, ok: boolean, incarnation: integer, reason: any }[]
function Kernel:upgrade_all(settings) end

--- What upgrade_all would report of one vat. Nothing changes.
---@param vat string
---@param settings? { source: string?, bundle: string? }
---@return { vat: string, ok: boolean, incarnation: integer, reason: any }
function Kernel:try_upgrade(vat, settings) end

---@param vat string
---@param reason? string
function Kernel:terminate_vat(vat, reason) end

---@param vat string
function Kernel:suspend_vat(vat) end

---@param vat string
function Kernel:resume_vat(vat) end

--- Holds an object or promise, across restarts, until unpin.
---@param reference Target
function Kernel:pin(reference) end

---@param reference Target
function Kernel:unpin(reference) end

---@param reference Target
function Kernel:revoke(reference) end

---@param settings? { cycles: boolean? }
---@return integer objects collected
function Kernel:collect_garbage(settings) end

---@return { id: string, name: string, cluster: string?, state: string, incarnation: integer,
--- deliveries: integer, fault: string? }[]
function Kernel:vats() end

---@return { kref: string, owner: string?, interface: string, reachable: integer,
--- recognizable: integer, revoked: boolean }[]
function Kernel:objects() end

---@return { kref: string, state: string, decider: string?, refcount: integer,
--- subscribers: string[], parked: integer }[]
function Kernel:promises() end

---@return { seq: integer, kind: string, target: string?, method: string?, vat: string? }[]
function Kernel:queue() end

---@class Image
---@field vat string
---@field incarnation integer
---@field position integer
---@field length integer
---@field stored integer
---@field build string
---@field hash string

---@param vat string
---@return { vref: string, kref: string, reachable: boolean }[]
function Kernel:clist(vat) end

---@param vat string
---@return { key: string, value: string }[]
function Kernel:vatstore(vat) end

---@param vat string
---@return { key: string|integer, value: any }[]
function Kernel:baggage(vat) end

--- `installed` are the names under which vats can be made of it.
---@return { sha256: string, name: string, installed: string?, modules: integer }[]
function Kernel:bundles() end

--- The saved heaps: `position` is the first delivery that one does not know; `length` counts the
--- bytes of the heap, `stored` those in the file.
---@return Image[]
function Kernel:images() end

--- Deletes transcripts up to images saved now, and gives the space back. The vats can then be
--- brought back only by the build of the vat layer that is told: a later one must upgrade them.
---@return { vats: integer, deliveries: integer, skipped: integer, build: string }
function Kernel:compact() end

---@return table
function Kernel:stats() end

--- Who holds a reference, and how.
---@param kref string
---@return table[]
function Kernel:holders(kref) end

--- All facts of one object or promise.
---@param kref string
---@return table
function Kernel:show(kref) end

--- What is wrong in the tables: nothing, when all is well.
---@return table[]
function Kernel:audit() end

--- The state as one deterministic text.
---@return string
function Kernel:dump() end

---@param vat string
---@return string
function Kernel:heap_hash(vat) end

--- Answers a call of a service: its values, or its reason when not fulfilled. Raises when it has
--- been answered already.
---@param seq integer
---@param fulfilled boolean
---@param ... any
function Kernel:answer(seq, fulfilled, ...) end

--- Answers a call with how a vat ends, now when it has ended.
---@param seq integer
---@param vat string
function Kernel:answer_at_end(seq, vat) end

--- Queues an upgrade to a named bundle, which answers the call.
---@param seq integer
---@param vat string
---@param bundle string
---@param parameters table?
function Kernel:answer_by_upgrade(seq, vat, bundle, parameters) end

--- The object that stands for a service of that name, made when it is not there.
---@param name string
---@return Reference
function Kernel:service(name) end

--- Adds a line of level "notice" to the log.
---@param text string
function Kernel:notice(text) end

--- A small durable setting of the host's own.
---@param name string
---@return string?
function Kernel:setting(name) end

---@param name string
---@param value string? nil deletes it
function Kernel:set_setting(name, value) end

---@param prefix string
---@return { name: string, value: string }[]
function Kernel:settings(prefix) end

--- The time that vats see, in seconds since 1970.
---@return number
function Kernel:now() end

--- A new object of the host, pinned; its calls are shown to who serves them.
---@param interface string
---@return Reference
function Kernel:host_object(interface) end

--- Whether steps look for timers that are due.
---@param any boolean
function Kernel:set_timers(any) end

---@param kref string
---@return "gone"|"waits"|"runs"
function Kernel:target_state(kref) end

return core
