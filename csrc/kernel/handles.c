#include "kernel/handles.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/krefs.h"
#include "kernel/refs.h"
#include "state/counter.h"
#include "state/hold.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1000 /* references of a host that is gone, in one crank */

static uint64_t
opening(const struct kernel *kernel)
{
    return counter_last(kernel->state, COUNTER_OPENING);
}

/* Taking */

void
handles_hold(struct kernel *kernel, struct kref kref)
{
    assert(crank_is_open(kernel) && !kref_is_none(kref));
    hold_add(kernel->state, HOLD_HOST, opening(kernel), kref);
    refs_hold(kernel, kref);
}

void
kernel_hold(struct kernel *kernel, struct kref kref)
{
    crank_open(kernel, CAUSE_HANDLE);
    handles_hold(kernel, kref);
    crank_close(kernel, CRANK_KEEP);
}

/* Letting go */

void
kernel_release(struct kernel *kernel, struct kref kref)
{
    assert(!kref_is_none(kref));
    list_push(&kernel->releases, kref);
}

void
handles_join(struct kernel *kernel)
{
    assert(kernel->joined == 0);
    if (kernel->stopped != NULL)
        return; /* nothing of it will be committed */
    for (size_t i = 0; i < kernel->releases.count; i++) {
        struct kref kref = kernel->releases.items[i];
        if (hold_remove(kernel->state, HOLD_HOST, opening(kernel), kref))
            refs_drop(kernel, kref);
    }
    kernel->joined = kernel->releases.count;
}

void
handles_joined(struct kernel *kernel)
{
    struct kref_list *list = &kernel->releases;
    assert(kernel->joined <= list->count);
    if (kernel->joined == 0)
        return;
    list->count -= kernel->joined;
    memmove(list->items, list->items + kernel->joined, list->count * sizeof *list->items);
    kernel->joined = 0;
}

void
handles_release(struct kernel *kernel)
{
    if (kernel->releases.count == 0 || kernel->stopped != NULL)
        return;
    crank_open(kernel, CAUSE_HANDLE);
    crank_close(kernel, CRANK_KEEP);
    assert(kernel->releases.count == 0);
}

/* Left over */

static int64_t
references_to(struct kernel *kernel, struct kref kref)
{
    if (kref_is_promise(kref))
        return promise_need(kernel->state, kref_number(kref))->refcount;
    return object_need(kernel->state, kref_number(kref))->reachable;
}

void
handles_release_left_over(struct kernel *kernel)
{
    struct hold_rows rows = {0};
    crank_open(kernel, CAUSE_LEFT_OVER);
    hold_left_over(kernel->state, opening(kernel), BATCH, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        struct kref kref = rows.items[i].kref;
        if (rows.items[i].count > references_to(kernel, kref)) {
            db_damaged(state_db(kernel->state), "hold", (int64_t)kref_number(kref));
            break;
        }
        while (hold_remove(kernel->state, HOLD_HOST, rows.items[i].opening, kref))
            refs_drop(kernel, kref);
    }
    kernel->left_over = rows.count == BATCH;
    list_free(&rows);
    crank_close(kernel, CRANK_KEEP);
}

void
handles_find_left_over(struct kernel *kernel)
{
    assert(!crank_is_open(kernel) && kernel->releases.count == 0);
    struct hold_rows rows = {0};
    hold_left_over(kernel->state, opening(kernel) + 1, 1, &rows);
    kernel->left_over = rows.count > 0;
    list_free(&rows);
    if (kernel->left_over) {
        counter_next(kernel->state, COUNTER_OPENING);
        handles_release_left_over(kernel);
    }
}
