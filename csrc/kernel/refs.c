#include "kernel/refs.h"

#include "kernel/crank.h"
#include "kernel/garbage/cycle.h"
#include "kernel/garbage/gc.h"
#include "kernel/internal.h"
#include "kernel/lives/end.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>

void
refs_lost(struct kernel *kernel, struct kref kref)
{
    assert(crank_is_open(kernel));
    list_push(&kernel->unheld, kref);
}

static void
count(struct kernel *kernel, struct kref kref, int64_t change)
{
    assert(crank_is_open(kernel) && (change == 1 || change == -1));
    struct state *state = kernel->state;
    if (kref_is_promise(kref)) {
        struct promise *promise = promise_edit(state, promise_need(state, kref_number(kref)));
        promise->refcount += change;
        if (promise->refcount < 0)
            db_damaged(state_db(state), "promise", (int64_t)promise->id);
        if (change < 0)
            cycle_suspect(kernel, promise);
    } else {
        struct object *object = object_edit(state, object_need(state, kref_number(kref)));
        object->reachable += change;
        object->recognizable += change;
        if (object->reachable < 0)
            db_damaged(state_db(state), "object", (int64_t)object->id);
    }
    if (change < 0)
        refs_lost(kernel, kref);
}

void
refs_hold(struct kernel *kernel, struct kref kref)
{
    count(kernel, kref, 1);
}

void
refs_drop(struct kernel *kernel, struct kref kref)
{
    count(kernel, kref, -1);
}

void
refs_hold_slots(struct kernel *kernel, const struct blob *value)
{
    for (size_t i = 0; value != NULL && i < value->slot_count; i++)
        refs_hold(kernel, value->slots[i]);
}

void
refs_drop_slots(struct kernel *kernel, const struct blob *value)
{
    for (size_t i = 0; value != NULL && i < value->slot_count; i++)
        refs_drop(kernel, value->slots[i]);
}

static void
settle_promise(struct kernel *kernel, const struct promise *promise)
{
    if (promise->refcount > 0)
        return;
    if (promise->follows != 0) {
        struct kref target = kref_promise(promise->follows);
        promise_unfollow(kernel->state, promise);
        refs_drop(kernel, target);
    }
    refs_drop_slots(kernel, promise->value);
    promise_delete(kernel->state, promise);
}

static void
settle_object(struct kernel *kernel, const struct object *object)
{
    if (object->reachable > 0)
        return;
    if (object->recognizable == 0 && object->first == NULL) {
        uint64_t subject = object->subject;
        object_delete(kernel->state, object);
        gc_collect(kernel);
        if (subject != 0) {
            state_flush(kernel->state);
            end_forget(kernel, vat_record_get(kernel->state, subject));
        }
    } else {
        gc_unreached(kernel, object);
    }
}

void
refs_settle(struct kernel *kernel)
{
    assert(crank_is_open(kernel));
    /* the list grows while it is walked: what goes lets go of others */
    for (size_t i = 0; i < kernel->unheld.count; i++) {
        struct kref kref = kernel->unheld.items[i];
        if (kref_is_promise(kref)) {
            const struct promise *promise = promise_get(kernel->state, kref_number(kref));
            if (promise != NULL)
                settle_promise(kernel, promise);
        } else {
            const struct object *object = object_get(kernel->state, kref_number(kref));
            if (object != NULL)
                settle_object(kernel, object);
        }
    }
    kernel->unheld.count = 0;
}
