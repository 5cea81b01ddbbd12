#include "kernel/settle.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/krefs.h"
#include "kernel/reason.h"
#include "kernel/refs.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/rows/vat_list.h"

#include <assert.h>

void
settle_notify(struct kernel *kernel, const struct promise *promise, uint64_t vat)
{
    item_push(kernel,
        &(struct new_item){.kind = QUEUE_NOTIFY, .target = kref_promise(promise->id), .vat = vat});
}

/* Gives one promise its value and tells its subscribers. */
static void
settle_one(struct kernel *kernel, const struct promise *promise, enum promise_state how,
    struct blob *value)
{
    const struct vat_list *subscribers = promise->subscribers;
    for (size_t i = 0; subscribers != NULL && i < subscribers->count; i++)
        settle_notify(kernel, promise, subscribers->vats[i]);
    refs_hold_slots(kernel, value);
    promise_settle(kernel->state, promise, how, value);
    assert(promise->state == how && promise->value == value);
    assert(promise->subscribers == NULL && promise->decider == DECIDER_NONE);
}

/* Those that follow it do so no more, and are next, by number. */
static void
add_followers(struct kernel *kernel, const struct promise *promise, struct kref_list *list)
{
    size_t first = list->count;
    while (promise->first_follower != NULL) {
        const struct promise *follower = promise->first_follower;
        promise_unfollow(kernel->state, follower);
        refs_drop(kernel, kref_promise(promise->id));
        list_push(list, kref_promise(follower->id));
        assert(follower->follows == 0);
    }
    krefs_sort(list, first);
}

void
settle(struct kernel *kernel, const struct promise *promise, enum promise_state how,
    struct blob *value)
{
    assert(crank_is_open(kernel) && how != PROMISE_UNRESOLVED && value != NULL);
    /* the promise, then those that follow it, then those that follow them: breadth first, since a
       chain may be longer than the C stack */
    struct kref_list list = {0};
    bool overtaken = false; /* younger messages are queued before what would join the end */
    list_push(&list, kref_promise(promise->id));
    for (size_t i = 0; i < list.count; i++) {
        const struct promise *next = promise_need(kernel->state, kref_number(list.items[i]));
        overtaken = overtaken || next->queued > 0;
        settle_one(kernel, next, how, value);
        add_followers(kernel, next, &list);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct promise *next = promise_need(kernel->state, kref_number(list.items[i]));
        queue_unpark_promise(kernel->state, next, overtaken);
        assert(next->parked_first == NULL && next->first_follower == NULL);
    }
    list_free(&list);
}

static void
follow(struct kernel *kernel, const struct promise *promise, const struct promise *target)
{
    assert(promise != target);
    promise_follow(kernel->state, promise, target);
    assert(promise->follows == target->id && promise->decider == DECIDER_KERNEL);
    refs_hold(kernel, kref_promise(target->id));
}

const struct promise *
settle_end(struct kernel *kernel, const struct promise *promise)
{
    const struct promise *end = promise;
    while (end->follows != 0)
        end = promise_need(kernel->state, end->follows);
    /* from now on they follow the end itself: nobody walks a long chain twice */
    while (promise->follows != 0 && promise->follows != end->id) {
        const struct promise *next = promise_need(kernel->state, promise->follows);
        promise_unfollow(kernel->state, promise);
        refs_drop(kernel, kref_promise(next->id));
        follow(kernel, promise, end);
        promise = next;
    }
    return end;
}

void
settle_follow(struct kernel *kernel, const struct promise *promise, const struct promise *target)
{
    target = settle_end(kernel, target);
    if (target == promise) {
        settle_reject(kernel, promise, "Error", "a promise cannot follow itself", -1);
    } else if (target->state != PROMISE_UNRESOLVED) {
        settle(kernel, promise, target->state, target->value);
    } else {
        follow(kernel, promise, target);
        queue_repark(kernel->state, promise, target);
        assert(promise->parked_first == NULL && target->follows == 0);
    }
}

void
settle_reject(struct kernel *kernel, const struct promise *promise, const char *name,
    const char *message, int64_t incarnation)
{
    struct blob *reason = reason_new(name, message, incarnation);
    settle(kernel, promise, PROMISE_REJECTED, reason);
    blob_drop(reason);
}
