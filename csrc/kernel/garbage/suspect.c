#include "kernel/garbage/suspect.h"

#include "kernel/crank.h"
#include "kernel/garbage/gc.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "state/clist.h"
#include "state/state.h"

#include <assert.h>

static void
add_import(void *context, const struct clist_import *import)
{
    struct suspects *suspects = context;
    size_t count = suspects->objects.count;
    if (count == 0 || !kref_equal(suspects->objects.items[count - 1].kref, import->kref))
        list_push(&suspects->objects,
            ((struct suspect){
                .kref = import->kref, .owner = import->owner, .vref = import->export}));
    list_push(&suspects->importers,
        ((struct importer){suspects->objects.count - 1, import->vat, import->vref}));
}

void
kernel_suspects(struct kernel *kernel, size_t most, struct suspects *suspects)
{
    assert(!crank_is_open(kernel));
    *suspects = (struct suspects){0};
    handles_release(kernel);
    state_flush(kernel->state);
    clist_only_imported(kernel->state, most, add_import, suspects);
}

void
suspect_free(struct suspects *suspects)
{
    list_free(&suspects->objects);
    list_free(&suspects->importers);
}

size_t
kernel_drop_suspects(struct kernel *kernel, const struct suspects *suspects)
{
    assert(!crank_is_open(kernel));
    size_t dropped = 0;
    for (size_t i = 0; i < suspects->objects.count; i++) {
        const struct suspect *suspect = &suspects->objects.items[i];
        if (suspect->alive)
            continue;
        gc_drop_cycle(kernel, suspect->owner, suspect->kref);
        gc_reap(kernel, suspect->owner); /* after the drop: see gc_begin */
        dropped++;
    }
    return dropped;
}
