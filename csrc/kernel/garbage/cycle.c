#include "kernel/garbage/cycle.h"

#include "base/numbers.h"
#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/krefs.h"
#include "kernel/refs.h"
#include "state/promise.h"

#include <assert.h>

#define SUSPECTS_MAX 10000 /* more are looked at before the queue is empty */
#define WALK_MAX 100000    /* promises counted in one collection */

static bool
holds_promise(const struct promise *promise)
{
    for (size_t i = 0; promise->value != NULL && i < promise->value->slot_count; i++) {
        if (kref_is_promise(promise->value->slots[i]))
            return true;
    }
    return false;
}

void
cycle_suspect(struct kernel *kernel, const struct promise *promise)
{
    if (promise->refcount > 0 && holds_promise(promise))
        list_push(&kernel->suspects, kref_promise(promise->id));
}

/* After opening, nobody knows who lost a holder: all that may be in a cycle are suspects. */
static void
suspect_all(struct kernel *kernel)
{
    struct number_list ids = {0};
    promise_holding(kernel->state, &ids);
    for (size_t i = 0; i < ids.count; i++)
        list_push(&kernel->suspects, kref_promise(ids.items[i]));
    list_free(&ids);
    kernel->suspect_all = false;
}

bool
cycle_is_due(struct kernel *kernel, bool idle)
{
    assert(!crank_is_open(kernel));
    if (idle && kernel->suspect_all)
        suspect_all(kernel);
    return kernel->suspects.count > (idle ? 0 : SUSPECTS_MAX);
}

static const struct promise *
settled(struct kernel *kernel, struct kref kref)
{
    if (!kref_is_promise(kref))
        return NULL;
    const struct promise *promise = promise_get(kernel->state, kref_number(kref));
    return promise == NULL || promise->state == PROMISE_UNRESOLVED ? NULL : promise;
}

/* Joins the walk, once. */
static void
reach(struct kernel *kernel, struct kref_list *walk, struct kref kref)
{
    const struct promise *promise = settled(kernel, kref);
    if (promise == NULL || promise->mark.visited == kernel->visit || walk->count >= WALK_MAX)
        return;
    *promise_mark(promise) = (struct promise_mark){kernel->visit, 0};
    list_push(walk, kref);
}

/* Everything that the suspects lead to, with the references that come from within. */
static void
count_inside(struct kernel *kernel, struct kref_list *walk)
{
    kernel->visit++;
    for (size_t i = 0; i < kernel->suspects.count; i++)
        reach(kernel, walk, kernel->suspects.items[i]);
    for (size_t i = 0; i < walk->count; i++) {
        const struct blob *value = settled(kernel, walk->items[i])->value;
        for (size_t s = 0; s < value->slot_count; s++) {
            reach(kernel, walk, value->slots[s]);
            const struct promise *inner = settled(kernel, value->slots[s]);
            if (inner != NULL && inner->mark.visited == kernel->visit)
                promise_mark(inner)->inside++;
        }
    }
}

/* Marks what is held from outside, and what that leads to, as alive: inside becomes -1. */
static void
mark_alive(struct kernel *kernel, const struct kref_list *walk)
{
    struct kref_list alive = {0};
    for (size_t i = 0; i < walk->count; i++) {
        const struct promise *promise = settled(kernel, walk->items[i]);
        if (promise->mark.inside < 0 || promise->refcount <= promise->mark.inside)
            continue;
        promise_mark(promise)->inside = -1;
        assert(promise->mark.visited == kernel->visit);
        list_push(&alive, walk->items[i]);
        while (alive.count > 0) {
            const struct blob *value = settled(kernel, alive.items[--alive.count])->value;
            for (size_t s = 0; s < value->slot_count; s++) {
                const struct promise *inner = settled(kernel, value->slots[s]);
                if (inner == NULL || inner->mark.visited != kernel->visit || inner->mark.inside < 0)
                    continue;
                promise_mark(inner)->inside = -1;
                list_push(&alive, value->slots[s]);
            }
        }
    }
    list_free(&alive);
}

/* Without their values they hold nobody, and the counts do the rest. */
static bool
break_dead(struct kernel *kernel, const struct kref_list *walk)
{
    bool any = false;
    for (size_t i = 0; i < walk->count; i++) {
        const struct promise *promise = settled(kernel, walk->items[i]);
        if (promise->mark.inside < 0)
            continue;
        assert(promise->mark.inside >= promise->refcount && promise->mark.visited == kernel->visit);
        any = true;
        struct blob *value = promise->value;
        promise_edit(kernel->state, promise)->value = blob_empty();
        refs_drop_slots(kernel, value);
        blob_drop(value);
    }
    return any;
}

bool
cycle_collect(struct kernel *kernel)
{
    assert(kernel->cause == CAUSE_CYCLE);
    struct kref_list walk = {0};
    count_inside(kernel, &walk);
    assert(walk.count <= WALK_MAX);
    mark_alive(kernel, &walk);
    kernel->suspects.count = 0;
    bool any = break_dead(kernel, &walk);
    list_free(&walk);
    return any;
}
