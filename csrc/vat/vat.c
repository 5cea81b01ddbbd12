/* What others see of the vat layer, and nothing else in it. */
#pragma GCC visibility push(default)
#include "vat/vat.h"
#pragma GCC visibility pop

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/part.h"
#include "vat/delivering.h"
#include "vat/durable/store.h"
#include "vat/internal.h"
#include "vat/library/library.h"
#include "vat/live/live.h"
#include "vat/machine/heap_image.h"
#include "vat/machine/sandbox.h"
#include "vat/machine/stack.h"
#include "vat/machine/undo.h"

/* For assertions: the vat whose delivery is open, as one process has one. */
static const struct vat *open_vat;

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
    delivering_start_collector(vat->machine.heap);
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
    assert(!vat->open);
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
    assert(!vat->open);
    store_page(space == SPACE_VATSTORE ? vat->vatstore : vat->durable, pager);
}

/* What deliveries have needed. */
static const struct part buffers[] = {
    PART_ARENA(struct vat, run.arena),
    PART_BUF(struct vat, run.syscalls),
    PART_BUF(struct vat, run.changes),
    PART_BUF(struct vat, run.reason),
    PART_LIST(struct vat, run.log),
    PART_BUF(struct vat, scratch.slots),
    PART_BUF(struct vat, scratch.unheld),
    PART_BUF(struct vat, scratch.states[0]),
    PART_BUF(struct vat, scratch.states[1]),
    PART_BUF(struct vat, scratch.state_slots[0]),
    PART_BUF(struct vat, scratch.state_slots[1]),
    PART_END,
};

void
vat_close(struct vat *vat)
{
    if (vat == NULL)
        return;
    if (open_vat == vat)
        open_vat = NULL;
    undo_forget(&vat->machine);
    heap_close(vat->machine.heap);
    for (size_t i = 0; i < vat->modules.count; i++) {
        free((void *)(uintptr_t)vat->modules.items[i].name.data);
        free((void *)(uintptr_t)vat->modules.items[i].source.data);
    }
    list_free(&vat->modules);
    store_free(vat->vatstore);
    store_free(vat->durable);
    part_free(buffers, vat);
    marshal_out_free(&vat->run.out);
    free(vat);
}

/* Delivering */

void
vat_deliver(struct vat *vat, struct bytes delivery, enum vat_mode mode, struct outcome *outcome)
{
    assert(open_vat == NULL);
    enum vat_fault fault = delivering_run(vat, delivery, mode);
    vat->open = fault == VAT_OK;
    if (vat->open)
        open_vat = vat;
    if (fault != VAT_OK)
        delivering_restore(vat);
    if (fault == FAULT_EXIT)
        fault = VAT_OK;
    else if (fault != VAT_OK)
        buf_clear(&vat->run.syscalls);
    store_changes(vat->vatstore, &vat->run.changes);
    store_changes(vat->durable, &vat->run.changes);
    assert(vat->ran == vat->open);
    assert(fault == VAT_OK || (vat->run.syscalls.size == 0 && vat->run.changes.size == 0));
    *outcome = (struct outcome){.fault = fault,
        .reason = delivering_reason(vat, fault),
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

bool
vat_probe(struct vat *vat, struct vat_probe *probe)
{
    assert(open_vat == NULL);
    return delivering_probe(vat, probe);
}

void
vat_trim(struct vat *vat)
{
    assert(open_vat == NULL);
    if (vat->rested)
        return;
    vat->rested = true;
    undo_release(&vat->machine);
    store_release(vat->vatstore);
    store_release(vat->durable);
    part_free(buffers, vat);
    marshal_out_free(&vat->run.out);
}

void
vat_trim_shared(void)
{
    assert(open_vat == NULL);
    undo_release_shared();
    stack_release();
}

void
vat_keep(struct vat *vat)
{
    if (!vat->open)
        return;
    assert(open_vat == vat && vat->ran);
    open_vat = NULL;
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
    assert(open_vat == vat && vat->ran);
    open_vat = NULL;
    vat->open = false;
    delivering_restore(vat);
}

uint64_t
vat_base(const struct vat *vat)
{
    return (uintptr_t)vat->machine.heap;
}

uint64_t
vat_memory(const struct vat *vat)
{
    uint64_t size = vat->rested ? heap_in_use(vat->machine.heap) : vat->machine.heap->used;
    if (undo_has_shadow(&vat->machine))
        size *= 2;
    return size + store_size(vat->vatstore) + store_size(vat->durable) + part_memory(buffers, vat) +
           marshal_out_memory(&vat->run.out);
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
