#include "vat/delivering.h"

#include "vat/durable/durable.h"
#include "vat/durable/store.h"
#include "vat/live/dispatch.h"
#include "vat/live/garbage.h"
#include "vat/machine/limit.h"
#include "vat/machine/outside.h"
#include "vat/machine/undo.h"
#include "vat/noun/liveslots.h"

#include <assert.h>

#define COLLECTOR_ROOM (1024 * 1024) /* bytes over the limit, for the kernel's collector alone */
#define SPARE_ROOM (64 * 1024)       /* where that was used, for a delivery that gives some back */
#define GARBAGE_MIN (64 * 1024)      /* bytes that may be garbage before the heap is collected */
#define GARBAGE_PERCENT 400 /* of what was live: more in one delivery, and Lua collects in it */

void
delivering_start_collector(struct heap *heap)
{
    lua_gc(heap->L, LUA_GCINC, GARBAGE_PERCENT, 0, 0);
    lua_gc(heap->L, LUA_GCRESTART);
    lua_gc(heap->L, LUA_GCCOLLECT);
    heap->ls->collect_at = heap->live + GARBAGE_MIN;
}

static void
begin(struct vat *vat, enum vat_mode mode)
{
    const struct heap *heap = vat->machine.heap;
    assert(!vat->open && !vat->ran); /* the last delivery was kept or undone */
    assert(heap->vat == vat && heap->ls != NULL);
    assert(store_change_count(vat->vatstore) == 0 && store_change_count(vat->durable) == 0);
    (void)heap;
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
    assert(heap->ls == ls && lua_gettop(heap->L) == 0);
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

const char *
delivering_reason(struct vat *vat, enum vat_fault fault)
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
    assert(heap->limit <= heap->own.reserve);
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
    assert(!vat->ran);
    undo_save(&vat->machine);
    vat->ran = true;
    enum delivery_kind kind = vat->run.delivery.kind;
    bool own = kind == DELIVER_MESSAGE || kind == DELIVER_NOTIFY || kind == DELIVER_START_VAT;
    uint64_t limit = vat->machine.heap->limit;
    make_room(vat, own);
    enum vat_fault fault = limit_run(&vat->machine, own && vat->run.mode == VAT_LIVE, run);
    vat->machine.heap->limit = limit;
    assert(fault != VAT_OK || vat->machine.heap->live <= vat->run.most);
    return fault == VAT_OK && vat->run.failed ? VAT_FAULT_START : fault;
}

void
delivering_restore(struct vat *vat)
{
    if (vat->ran)
        undo_restore(&vat->machine);
    vat->ran = false;
    store_undo(vat->vatstore);
    store_undo(vat->durable);
    assert(store_change_count(vat->vatstore) == 0 && store_change_count(vat->durable) == 0);
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
    delivering_restore(vat);
    begin(vat, VAT_REPLAY);
    vat->run.applies = true;
    fault = run_delivery(vat, delivery);
    vat->run.applies = false;
    return fault;
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

enum vat_fault
delivering_run(struct vat *vat, struct bytes delivery, enum vat_mode mode)
{
    begin(vat, mode);
    enum vat_fault fault = run_delivery(vat, delivery);
    return mode == VAT_REPLAY ? replay_report(vat, delivery, fault) : fault;
}

bool
delivering_probe(struct vat *vat, struct vat_probe *probe)
{
    begin(vat, VAT_LIVE);
    assert(vat->run.probe == NULL);
    vat->run.probe = probe;
    undo_save(&vat->machine);
    enum vat_fault fault = limit_run(&vat->machine, false, run_probe);
    undo_restore(&vat->machine);
    spare_named(vat, probe);
    vat->run.probe = NULL;
    return fault == VAT_OK;
}
