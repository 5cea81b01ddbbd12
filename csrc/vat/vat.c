/* What others see of the vat layer, and nothing else in it. */
#pragma GCC visibility push(default)
#include "vat/vat.h"
#pragma GCC visibility pop

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "vat/durable/durable.h"

#define COLLECTOR_ROOM (1024 * 1024) /* bytes over the limit, for the kernel's collector alone */
#define SPARE_ROOM (64 * 1024)       /* where that was used, for a delivery that gives some back */
#define GARBAGE_MIN (64 * 1024)      /* bytes that may be garbage before the heap is collected */
#define GARBAGE_PERCENT 400 /* of what was live: more in one delivery, and Lua collects in it */

/* Opening */

static void
copy_modules(struct vat *vat, const struct vat_module *modules, size_t count)
{
    vat->modules = memory_zero((count + 1) * sizeof *vat->modules);
    vat->module_count = count;
    for (size_t i = 0; i < count; i++) {
        vat->modules[i].name = (struct bytes){memory_copy(modules[i].name), modules[i].name.size};
        vat->modules[i].source =
            (struct bytes){memory_copy(modules[i].source), modules[i].source.size};
    }
}

static int
p_open(lua_State *L)
{
    liveslots_open(L);
    return 0;
}

static void
open_lua(struct vat *vat)
{
    lua_State *L = sandbox_open(vat);
    if (L == NULL)
        return;
    lua_pushcfunction(L, p_open);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        return;
    lua_gc(L, LUA_GCINC, GARBAGE_PERCENT, 0, 0);
    lua_gc(L, LUA_GCRESTART);
    lua_gc(L, LUA_GCCOLLECT);
    vat->heap->ls->collect_at = vat->heap->live + GARBAGE_MIN;
    vat->open = true;
}

static struct vat *
new_vat(const struct vat_options *options, const struct vat_module *modules, size_t module_count,
    struct heap *heap)
{
    struct vat *vat = memory_zero(sizeof *vat);
    vat->options = *options;
    vat->heap = heap;
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
    if (!sandbox_self_test(reason))
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
    if (!sandbox_self_test(reason))
        return NULL;
    struct heap *heap = image_open(image, reason);
    return heap == NULL ? NULL : new_vat(options, modules, module_count, heap);
}

void
vat_load(struct vat *vat, enum change_space space, struct bytes key, struct bytes body,
    struct bytes slots)
{
    store_load(space == SPACE_VATSTORE ? vat->vatstore : vat->durable, key, body, slots);
}

void
vat_unload(struct vat *vat, enum change_space space, struct bytes key)
{
    struct store *store = space == SPACE_VATSTORE ? vat->vatstore : vat->durable;
    store_delete(store, key);
    store_keep(store);
}

void
vat_page(struct vat *vat, enum change_space space, const struct vat_pager *pager)
{
    store_page(space == SPACE_VATSTORE ? vat->vatstore : vat->durable, pager);
}

static void
free_buffers(struct vat *vat)
{
    arena_free(&vat->arena);
    buf_free(&vat->syscalls);
    buf_free(&vat->changes);
    buf_free(&vat->reason);
    buf_free(&vat->scratch);
    buf_free(&vat->unheld);
    for (int i = 0; i < 2; i++) {
        buf_free(&vat->states[i]);
        buf_free(&vat->state_slots[i]);
    }
    marshal_free(&vat->out);
    free(vat->log);
    vat->log = NULL;
    vat->log_count = vat->log_capacity = 0;
}

void
vat_close(struct vat *vat)
{
    if (vat == NULL)
        return;
    heap_forget(vat->heap);
    heap_close(vat->heap);
    for (size_t i = 0; i < vat->module_count; i++) {
        free((void *)(uintptr_t)vat->modules[i].name.data);
        free((void *)(uintptr_t)vat->modules[i].source.data);
    }
    free(vat->modules);
    store_free(vat->vatstore);
    store_free(vat->durable);
    free_buffers(vat);
    free(vat);
}

/* Delivering */

static void
begin(struct vat *vat, enum vat_mode mode)
{
    arena_reset(&vat->arena);
    buf_clear(&vat->syscalls);
    buf_clear(&vat->changes);
    buf_clear(&vat->reason);
    vat->mode = mode;
    vat->log_count = 0;
    vat->send_count = 0;
    vat->print_count = 0;
    vat->stored_size = 0;
    vat->seeks_dead = false;
    vat->failed = false;
    vat->exited = false;
    vat->rested = false;
    vat->interface = (struct bytes){NULL, 0};
}

static int
p_report(lua_State *L)
{
    struct vat *vat = vat_of(L);
    if (vat->applies)
        garbage_apply(L, vat->expected);
    else
        garbage_report(L);
    garbage_shrink(L);
    return 0;
}

/* What raises here has broken the vat. */
static void
protect(struct vat *vat, lua_CFunction function)
{
    lua_State *L = vat->heap->L;
    lua_settop(L, 0);
    lua_pushcfunction(L, function);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return;
    const char *reason = lua_tostring(L, -1);
    outside_begin();
    buf_text(&vat->reason, reason == NULL ? "an error of an unknown kind" : reason);
    outside_end();
    limit_fault(VAT_FAULT_BROKEN);
}

/* The collector runs here, between deliveries, where it costs least; and in those that allocate
   much: at points that depend on nothing but the deliveries. */
static void
collect(struct vat *vat)
{
    struct heap *heap = vat->heap;
    struct liveslots *ls = heap->ls;
    bool asked = vat->delivery.kind == DELIVER_BRING_OUT_YOUR_DEAD;
    if (!asked && heap->live < ls->collect_at && heap->live <= vat->most)
        return;
    limit_pause();
    heap_write_all(heap);
    lua_gc(heap->L, LUA_GCCOLLECT);
    if (asked)
        protect(vat, p_report);
    uint64_t garbage = heap->live > GARBAGE_MIN ? heap->live : GARBAGE_MIN;
    ls->collect_at = heap->live + garbage;
    if (heap->live > vat->most)
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
    if (!vat->failed)
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
        return buf_string(&vat->reason);
    case VAT_FAULT_BROKEN:
        return vat->reason.size > 0 ? buf_string(&vat->reason) : "the vat's Lua state is broken";
    default:
        return NULL;
    }
}

/* What the kernel's collector asks for is no fault of the vat's: it has room of its own. A vat that
   was left over its limit by that may go further for a while, but must not end there. */
static void
make_room(struct vat *vat, bool own)
{
    struct heap *heap = vat->heap;
    vat->most = UINT64_MAX;
    if (!own) {
        heap->limit += COLLECTOR_ROOM;
    } else if (heap->live > heap->limit) {
        vat->most = heap->live;
        heap->limit = heap->live + SPARE_ROOM;
    }
}

static enum vat_fault
run_delivery(struct vat *vat, struct bytes bytes)
{
    if (!delivery_decode(bytes, &vat->arena, &vat->delivery)) {
        buf_text(&vat->reason, "the delivery is malformed");
        return VAT_FAULT_BROKEN;
    }
    heap_save(vat->heap);
    vat->ran = true;
    enum delivery_kind kind = vat->delivery.kind;
    bool own = kind == DELIVER_MESSAGE || kind == DELIVER_NOTIFY || kind == DELIVER_START_VAT;
    uint64_t limit = vat->heap->limit;
    make_room(vat, own);
    enum vat_fault fault = limit_run(vat, run, own ? vat->mode : VAT_REPLAY);
    vat->heap->limit = limit;
    return fault == VAT_OK && vat->failed ? VAT_FAULT_START : fault;
}

static void
restore(struct vat *vat)
{
    if (vat->ran)
        heap_restore(vat->heap);
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
    bool same = fault == VAT_OK && bytes_equal(buf_view(&vat->syscalls), vat->expected);
    if (same || vat->delivery.kind != DELIVER_BRING_OUT_YOUR_DEAD)
        return fault;
    restore(vat);
    begin(vat, VAT_REPLAY);
    vat->applies = true;
    fault = run_delivery(vat, delivery);
    vat->applies = false;
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
        buf_clear(&vat->syscalls);
    store_changes(vat->vatstore, &vat->changes);
    store_changes(vat->durable, &vat->changes);
    *outcome = (struct outcome){.fault = fault,
        .reason = reason_of(vat, fault),
        .syscalls = buf_view(&vat->syscalls),
        .changes = buf_view(&vat->changes),
        .interface = vat->interface,
        .log = vat->log,
        .log_count = vat->log_count};
}

void
vat_expect(struct vat *vat, struct bytes syscalls)
{
    vat->expected = syscalls;
}

static int
p_probe(lua_State *L)
{
    garbage_probe(L, vat_of(L)->probe);
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
    vat->probe = probe;
    heap_save(vat->heap);
    enum vat_fault fault = limit_run(vat, run_probe, VAT_REPLAY);
    heap_restore(vat->heap);
    spare_named(vat, probe);
    vat->probe = NULL;
    return fault == VAT_OK;
}

void
vat_trim(struct vat *vat)
{
    if (vat->rested)
        return;
    vat->rested = true;
    heap_release(vat->heap);
    store_release(vat->vatstore);
    store_release(vat->durable);
    free_buffers(vat);
}

void
vat_trim_shared(void)
{
    heap_release_shared();
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
    return (uintptr_t)vat->heap;
}

uint64_t
vat_memory(const struct vat *vat)
{
    const struct buf *bufs[] = {&vat->syscalls, &vat->changes, &vat->reason, &vat->scratch,
        &vat->unheld, &vat->states[0], &vat->states[1], &vat->state_slots[0], &vat->state_slots[1],
        &vat->out.body};
    uint64_t size = vat->rested ? heap_in_use(vat->heap) : vat->heap->used;
    if (heap_has_shadow(vat->heap))
        size *= 2;
    size += store_size(vat->vatstore) + store_size(vat->durable);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        size += bufs[i]->capacity;
    return size + arena_size(&vat->arena) + vat->out.slot_capacity * sizeof *vat->out.slots +
           vat->out.index_size * sizeof *vat->out.index + vat->log_capacity * sizeof *vat->log;
}

uint64_t
vat_heap_used(const struct vat *vat)
{
    return vat->heap->used;
}

uint64_t
vat_heap_live(const struct vat *vat)
{
    return vat->heap->live;
}

uint64_t
vat_heap_hash(const struct vat *vat)
{
    return heap_hash(vat->heap);
}
