--- Which spec speaks of a C file that has none of its own name.
--
-- csrc/a/b.c has spec/a/b_spec.lua, or a folder spec/a/b of them. What only serves another file, or
-- can be seen through it alone, is spoken of by that file's spec: it is named here, and so is what
-- the specs of the whole speak of. tidy_spec.lua sees that each file is in exactly one place.

return {
  ["spec/base/read_spec.lua"] = "base/buf",
  ["spec/base/cbor_spec.lua"] = "base/utf8",
  ["spec/base/message_spec.lua"] = "base/arena base/bytes",
  ["spec/base/numbers_spec.lua"] = "base/list",
  ["spec/conformance/timer_spec.lua"] = "base/clock module/ltimer",
  ["spec/store/scarce_spec.lua"] = "base/memory vat/machine/pages",
  ["spec/value/marshal_spec.lua"] = [[value/entry value/errorvalue value/marshal_out value/unmarshal
    value/valuepath]],
  ["spec/store/db_spec.lua"] = "store/open store/query store/schema store/measure",
  ["spec/store/lock_spec.lua"] = "store/file store/opened",
  ["spec/state/damage_spec.lua"] = [[state/blob state/bundle state/bundle_name state/cluster
    state/rows/columns state/counter state/hold state/image state/object state/service state/setting
    state/vat_record]],
  ["spec/kernel/random_spec.lua"] = [[state/rows/journal state/rows/row state/rows/row_sql state/state
    state/rows/table]],
  ["spec/state/promise_spec.lua"] = "state/promise_load state/rows/vat_list",
  ["spec/state/queue_spec.lua"] = "state/queue_item state/ring",
  ["spec/state/vatstore_spec.lua"] = "state/transcript",
  ["spec/conformance/services_spec.lua"] = "kernel/calls module/lservice",
  ["spec/kernel/crank_spec.lua"] = "kernel/kernel kernel/handles kernel/reason kernel/schedule",
  ["spec/kernel/route_spec.lua"] = "kernel/item kernel/verdict",
  ["spec/kernel/syscall_spec.lua"] = "kernel/translate kernel/krefs",
  ["spec/kernel/garbage/gc_spec.lua"] = "kernel/refs",
  ["spec/kernel/settle/following_spec.lua"] = "kernel/garbage/cycle",
  ["spec/host/cycles/ring_spec.lua"] = "kernel/garbage/suspect",
  ["spec/kernel/lives/life_spec.lua"] = "kernel/lives/parameters",
  ["spec/kernel/look/audit_spec.lua"] = "kernel/look/walk kernel/look/tally",
  ["spec/host/launching_spec.lua"] = [[host/modules kernel/face/bundles kernel/face/launch
    module/llaunch module/lsettings module/loptions kernel/face/options]],
  ["spec/host/compact_spec.lua"] = "kernel/face/history",
  ["spec/vat/durable/rows_random_spec.lua"] = "host/page kernel/face/vats",
  ["spec/conformance/vats/making_spec.lua"] = "module/llife kernel/face/settings",
  ["spec/moonvat/init_spec.lua"] = [[module/lkernel module/lmodule module/lrun module/lfields
    module/llist kernel/face/listing]],
  ["spec/moonvat/failure_spec.lua"] = "module/lerror",
  ["spec/conformance/references_spec.lua"] = "module/lref module/lname",
  ["spec/conformance/values_spec.lua"] = "module/lvalue",
  ["spec/host/trim_spec.lua"] = "base/part",
  ["spec/program/program_spec.lua"] = "program/main",
  ["spec/vat/machine/limit_spec.lua"] = "vat/machine/outside",
  ["spec/vat/machine/undo_spec.lua"] = "vat/machine/dirty",
  ["spec/vat/machine/sandbox_spec.lua"] = "vat/machine/lua544 vat/machine/machine vat/library/lbase",
  ["spec/vat/confined_spec.lua"] = "vat/machine/stack",
  ["spec/vat/library/library_spec.lua"] = [[vat/library/lpattern vat/library/lstring
    vat/library/match vat/library/text]],
  ["spec/vat/hostile_scripts_spec.lua"] = "vat/vat vat/delivering vat/library/lbounded",
  ["spec/vat/durable/store_spec.lua"] = "vat/durable/lstore vat/durable/stored vat/durable/span",
  ["spec/vat/durable/durable_spec.lua"] = "vat/durable/record vat/durable/key",
  ["spec/vat/durable/instance_spec.lua"] = "vat/durable/linstance vat/durable/fields",
  ["spec/vat/live/live_spec.lua"] = "vat/live/fault vat/live/module vat/live/sink",
  ["spec/vat/live/eventual_spec.lua"] = "vat/live/leventual vat/live/outgoing",
  ["spec/vat/live/coroutine_spec.lua"] = "vat/live/job",
  ["spec/vat/live/lpromise_spec.lua"] = "vat/live/reaction vat/live/turn",
  ["spec/vat/live/live_promise_spec.lua"] = "vat/live/settled vat/live/slots",
  ["spec/conformance/garbage/collecting_spec.lua"] = "vat/live/garbage",
  ["spec/vat/poison_spec.lua"] = "vat/noun/api",
  ["spec/vat/noun/remotable_spec.lua"] = [[vat/noun/lremotable vat/noun/noun vat/noun/registry
    vat/noun/words]],
}
