/* What others see of the vat layer, and nothing else in it. */
#pragma GCC visibility push(default)
#include "vat/vat.h"
#pragma GCC visibility pop

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "vat/durable/durable.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/library/library.h"
#include "vat/live/dispatch.h"
#include "vat/live/garbage.h"
#include "vat/live/live.h"
#include "vat/machine/heap_image.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/sandbox.h"
#include "vat/machine/stack.h"
#include "vat/machine/undo.h"
#include "vat/noun/liveslots.h"

#define COLLECTOR_ROOM (1024 * 1024) /* bytes over the limit, for the kernel's collector alone */
#define SPARE_ROOM (64 * 1024)       /* where that was used, for a delivery that gives some back */
#define GARBAGE_MIN (64 * 1024)      /* bytes that may be garbage before the heap is collected */
#define GARBAGE_PERCENT 400 /* of what was live: more in one delivery, and Lua collects in it */

/* Opening */

static void
copy_modules(struct vat *vat, const struct vat_module *modules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes name = modules[i].name, source = modules[i].source;
        struct vat_module copy = {
            .name = {memory_copy(name), name.size}, .source = {memory_copy(source), source.size}};
        list_push(&vat->modules, copy);
    }
}

static int
p_open(lua_State *L)
{
    live_open(L);
    return 0;
}

static void
open_lua(struct vat *vat)
{
    lua_State *L = sandbox_open(&vat->machine, library_open);
    if (L == NULL)
        return;
    lua_pushcfunction(L, p_open);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        return;
    lua_gc(L, LUA_GCINC, GARBAGE_PERCENT, 0, 0);
    lua_gc(L, LUA_GCRESTART);
    lua_gc(L, LUA_GCCOLLECT);
    vat->machine.heap->ls->collect_at = vat->machine.heap->live + GARBAGE_MIN;
    vat->open = true;
}

static struct vat *
new_vat(const struct vat_options *options, const struct vat_module *modules, size_t module_count,
    struct heap *heap)
{
    struct vat *vat = memory_zero(sizeof *vat);
    vat->machine = (struct machine){.heap = heap,
        .time_limit = options->time_limit,
        .instruction_budget = options->instruction_budget};
    heap->vat = vat;
    copy_modules(vat, modules, module_count);
    vat->vatstore = store_new(SPACE_VATSTORE);
    vat->durable = store_new(SPACE_DURABLE);
    return vat;
}

struct vat *
vat_open(const struct vat_options *options, const struct vat_module *modules, size_t module_count,
    const char **reason)
{
    if (!machine_is_ready(reason))
        return NULL;
    struct heap *heap = heap_open(options->number, options->memory_limit);
    if (heap == NULL) {
        *reason = errno == ENOMEM ? "the system has no memory or addresses left for its heap: raise"
                                    " their limit (ulimit -v), or lower the vat's memory_limit"
                                  : "no address range is free for another vat";
        return NULL;
    }
    struct vat *vat = new_vat(options, modules, module_count, heap);
    stack_run(vat, open_lua);
    if (!vat->open) {
        *reason = "the memory limit is too small for a vat";
        vat_close(vat);
        return NULL;
    }
    vat->open = false;
    return vat;
}

struct vat *
vat_open_image(const struct vat_options *options, const struct vat_module *modules,
    size_t module_count, struct bytes image, const char **reason)
{
    if (!machine_is_ready(reason))
        return NULL;
    struct heap *heap = heap_image_open(image, reason);
    return heap == NULL ? NULL : new_vat(options, modules, module_count, heap);
}

_Static_assert(VAT_BUILD_SIZE == HEAP_IMAGE_BUILD_SIZE, "a build is told by its id");

struct bytes
vat_build(void)
{
    return heap_image_build();
}

void
vat_save(const struct vat *vat, struct buf *image)
{
    heap_image_save(vat->machine.heap, image);
}

void
vat_load(struct vat *vat, enum change_space space, struct bytes key, struct bytes body,
    struct bytes slots)
{
    store_load(space == SPACE_VATSTORE ? vat->vatstore : vat->durable, key, body, slots);
}

void
vat_page(struct vat *vat, enum change_space space, const struct vat_pager *pager)
{
    store_page(space == SPACE_VATSTORE ? vat->vatstore : vat->durable, pager);
}

static void
free_buffers(struct vat *vat)
{
    arena_free(&vat->run.arena);
    buf_free(&vat->run.syscalls);
    buf_free(&vat->run.changes);
    buf_free(&vat->run.reason);
    buf_free(&vat->scratch.slots);
    buf_free(&vat->scratch.unheld);
    for (int i = 0; i < 2; i++) {
        buf_free(&vat->scratch.states[i]);
        buf_free(&vat->scratch.state_slots[i]);
    }
    marshal_out_free(&vat->run.out);
    list_free(&vat->run.log);
}

void
vat_close(struct vat *vat)
{
    if (vat == NULL)
        return;
    undo_forget(&vat->machine);
    heap_close(vat->machine.heap);
    for (size_t i = 0; i < vat->modules.count; i++) {
        free((void *)(uintptr_t)vat->modules.items[i].name.data);
        free((void *)(uintptr_t)vat->modules.items[i].source.data);
    }
    list_free(&vat->modules);
    store_free(vat->vatstore);
    store_free(vat->durable);
    free_buffers(vat);
    free(vat);
}

/* Delivering */

static void
begin(struct vat *vat, enum vat_mode mode)
{
    arena_reset(&vat->run.arena);
    buf_clear(&vat->run.syscalls);
    buf_clear(&vat->run.changes);
    buf_clear(&vat->run.reason);
    vat->run.mode = mode;
    vat->run.log.count = 0;
    vat->run.send_count = 0;
    vat->run.print_count = 0;
    vat->scratch.stored_size = 0;
    vat->scratch.seeks_dead = false;
    vat->run.failed = false;
    vat->run.exited = false;
    vat->rested = false;
    vat->run.interface = (struct bytes){NULL, 0};
}

static int
p_report(lua_State *L)
{
    struct vat *vat = vat_of(L);
    if (vat->run.applies)
        garbage_apply(L, vat->run.expected);
    else
        garbage_report(L);
    garbage_shrink(L);
    return 0;
}

/* What raises here has broken the vat. */
static void
protect(struct vat *vat, lua_CFunction function)
{
    lua_State *L = vat->machine.heap->L;
    lua_settop(L, 0);
    lua_pushcfunction(L, function);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return;
    const char *reason = lua_tostring(L, -1);
    outside_begin();
    buf_text(&vat->run.reason, reason == NULL ? "an error of an unknown kind" : reason);
    outside_end();
    limit_fault(VAT_FAULT_BROKEN);
}

/* The collector runs here, between deliveries, where it costs least; and in those that allocate
   much: at points that depend on nothing but the deliveries. */
static void
collect(struct vat *vat)
{
    struct heap *heap = vat->machine.heap;
    struct liveslots *ls = heap->ls;
    bool asked = vat->run.delivery.kind == DELIVER_BRING_OUT_YOUR_DEAD;
    if (!asked && heap->live < ls->collect_at && heap->live <= vat->run.most)
        return;
    limit_pause();
    undo_write_all(&vat->machine);
    lua_gc(heap->L, LUA_GCCOLLECT);
    if (asked)
        protect(vat, p_report);
    uint64_t garbage = heap->live > GARBAGE_MIN ? heap->live : GARBAGE_MIN;
    ls->collect_at = heap->live + garbage;
    if (heap->live > vat->run.most)
        limit_fault(VAT_FAULT_MEMORY);
}

static int
p_deliver(lua_State *L)
{
    dispatch_deliver(L);
    return 0;
}

static void
run(struct vat *vat)
{
    protect(vat, p_deliver);
    if (!vat->run.failed)
        collect(vat);
}

static const char *
reason_of(struct vat *vat, enum vat_fault fault)
{
    switch (fault) {
    case VAT_FAULT_TIME:
    case VAT_FAULT_MEMORY:
    case VAT_FAULT_INSTRUCTIONS:
        return limit_text(fault);
    case VAT_FAULT_START:
        return buf_string(&vat->run.reason);
    case VAT_FAULT_BROKEN:
        return vat->run.reason.size > 0 ? buf_string(&vat->run.reason)
                                        : "the vat's Lua state is broken";
    default:
        return NULL;
    }
}

/* What the kernel's collector asks for is no fault of the vat's: it has room of its own. A vat that
   was left over its limit by that may go further for a while, but must not end there. */
static void
make_room(struct vat *vat, bool own)
{
    struct heap *heap = vat->machine.heap;
    vat->run.most = UINT64_MAX;
    if (!own) {
        heap->limit += COLLECTOR_ROOM;
    } else if (heap->live > heap->limit) {
        vat->run.most = heap->live;
        heap->limit = heap->live + SPARE_ROOM;
    }
}

static enum vat_fault
run_delivery(struct vat *vat, struct bytes bytes)
{
    if (!delivery_decode(bytes, &vat->run.arena, &vat->run.delivery)) {
        buf_text(&vat->run.reason, "the delivery is malformed");
        return VAT_FAULT_BROKEN;
    }
    undo_save(&vat->machine);
    vat->ran = true;
    enum delivery_kind kind = vat->run.delivery.kind;
    bool own = kind == DELIVER_MESSAGE || kind == DELIVER_NOTIFY || kind == DELIVER_START_VAT;
    uint64_t limit = vat->machine.heap->limit;
    make_room(vat, own);
    enum vat_fault fault = limit_run(&vat->machine, own && vat->run.mode == VAT_LIVE, run);
    vat->machine.heap->limit = limit;
    return fault == VAT_OK && vat->run.failed ? VAT_FAULT_START : fault;
}

static void
restore(struct vat *vat)
{
    if (vat->ran)
        undo_restore(&vat->machine);
    vat->ran = false;
    store_undo(vat->vatstore);
    store_undo(vat->durable);
}

/* What died is found again where the collector is the same, and the heap is then the same to the
   byte. Another build's may have seen other objects die: the record is the truth, so what was found
   is undone, and the record applied. */
static enum vat_fault
replay_report(struct vat *vat, struct bytes delivery, enum vat_fault fault)
{
    bool same = fault == VAT_OK && bytes_equal(buf_view(&vat->run.syscalls), vat->run.expected);
    if (same || vat->run.delivery.kind != DELIVER_BRING_OUT_YOUR_DEAD)
        return fault;
    restore(vat);
    begin(vat, VAT_REPLAY);
    vat->run.applies = true;
    fault = run_delivery(vat, delivery);
    vat->run.applies = false;
    return fault;
}

void
vat_deliver(struct vat *vat, struct bytes delivery, enum vat_mode mode, struct outcome *outcome)
{
    begin(vat, mode);
    enum vat_fault fault = run_delivery(vat, delivery);
    if (mode == VAT_REPLAY)
        fault = replay_report(vat, delivery, fault);
    vat->open = fault == VAT_OK;
    if (fault != VAT_OK)
        restore(vat);
    if (fault == FAULT_EXIT)
        fault = VAT_OK;
    else if (fault != VAT_OK)
        buf_clear(&vat->run.syscalls);
    store_changes(vat->vatstore, &vat->run.changes);
    store_changes(vat->durable, &vat->run.changes);
    *outcome = (struct outcome){.fault = fault,
        .reason = reason_of(vat, fault),
        .syscalls = buf_view(&vat->run.syscalls),
        .changes = buf_view(&vat->run.changes),
        .interface = vat->run.interface,
        .log = vat->run.log.items,
        .log_count = vat->run.log.count};
}

void
vat_expect(struct vat *vat, struct bytes syscalls)
{
    vat->run.expected = syscalls;
}

static int
p_probe(lua_State *L)
{
    garbage_probe(L, vat_of(L)->run.probe);
    return 0;
}

static void
run_probe(struct vat *vat)
{
    limit_pause();
    protect(vat, p_probe);
}

/* An import that a durable value names lives, whatever the heap says. */
static void
spare_named(struct vat *vat, struct vat_probe *probe)
{
    for (size_t i = 0; i < probe->import_count; i++) {
        if (!probe->alive[i])
            probe->alive[i] = durable_is_named(vat, probe->imports[i].word);
    }
}

bool
vat_probe(struct vat *vat, struct vat_probe *probe)
{
    begin(vat, VAT_LIVE);
    vat->run.probe = probe;
    undo_save(&vat->machine);
    enum vat_fault fault = limit_run(&vat->machine, false, run_probe);
    undo_restore(&vat->machine);
    spare_named(vat, probe);
    vat->run.probe = NULL;
    return fault == VAT_OK;
}

void
vat_trim(struct vat *vat)
{
    if (vat->rested)
        return;
    vat->rested = true;
    undo_release(&vat->machine);
    store_release(vat->vatstore);
    store_release(vat->durable);
    free_buffers(vat);
}

void
vat_trim_shared(void)
{
    undo_release_shared();
    stack_release();
}

void
vat_keep(struct vat *vat)
{
    if (!vat->open)
        return;
    vat->open = false;
    vat->ran = false;
    store_keep(vat->vatstore);
    store_keep(vat->durable);
}

void
vat_undo(struct vat *vat)
{
    if (!vat->open)
        return;
    vat->open = false;
    restore(vat);
}

uint64_t
vat_base(const struct vat *vat)
{
    return (uintptr_t)vat->machine.heap;
}

uint64_t
vat_memory(const struct vat *vat)
{
    const struct buf *bufs[] = {&vat->run.syscalls, &vat->run.changes, &vat->run.reason,
        &vat->scratch.slots, &vat->scratch.unheld, &vat->scratch.states[0], &vat->scratch.states[1],
        &vat->scratch.state_slots[0], &vat->scratch.state_slots[1]};
    uint64_t size = vat->rested ? heap_in_use(vat->machine.heap) : vat->machine.heap->used;
    if (undo_has_shadow(&vat->machine))
        size *= 2;
    size += store_size(vat->vatstore) + store_size(vat->durable);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        size += bufs[i]->capacity;
    return size + arena_size(&vat->run.arena) + marshal_out_memory(&vat->run.out) +
           list_memory(&vat->run.log);
}

uint64_t
vat_heap_used(const struct vat *vat)
{
    return vat->machine.heap->used;
}

uint64_t
vat_heap_live(const struct vat *vat)
{
    return vat->machine.heap->live;
}

uint64_t
vat_heap_hash(const struct vat *vat)
{
    return heap_hash(vat->machine.heap);
}
