/* Settling promises: who is told, who follows, and what had waited. */
#include "kernel/internal.h"

#include <stdlib.h>

void
settle_notify(struct kernel *kernel, struct promise *promise, uint64_t vat)
{
    struct queue_item *item = queue_push(kernel->state, QUEUE_NOTIFY);
    item->target = kref_promise(promise->id);
    item->vat = vat;
    item->method = blob_new((struct bytes){NULL, 0}, NULL, 0);
    item->value = blob_new((struct bytes){NULL, 0}, NULL, 0);
    item->cause_syscall = kernel->syscall;
    ref_hold(kernel, item->target);
}

/* Gives one promise its value and tells its subscribers. */
static void
settle_one(struct kernel *kernel, struct promise *promise, enum promise_state how,
    struct blob *value)
{
    struct vat_list *subscribers = promise->subscribers;
    for (size_t i = 0; subscribers != NULL && i < subscribers->count; i++)
        settle_notify(kernel, promise, subscribers->vats[i]);
    ref_hold_slots(kernel, value);
    promise_settle(kernel->state, promise, how, value);
}

void
settle(struct kernel *kernel, struct promise *promise, enum promise_state how, struct blob *value)
{
    /* the promise, then those that follow it, then those that follow them: breadth first, since a
       chain may be longer than the C stack */
    struct kref_list list = {0};
    krefs_add(&list, kref_promise(promise->id));
    for (size_t i = 0; i < list.count; i++) {
        struct promise *next = promise_get(kernel->state, kref_number(list.krefs[i]));
        settle_one(kernel, next, how, value);
        while (next->first_follower != NULL) {
            struct promise *follower = next->first_follower;
            promise_unfollow(kernel->state, follower);
            ref_drop(kernel, list.krefs[i]);
            krefs_add(&list, kref_promise(follower->id));
        }
    }
    for (size_t i = 0; i < list.count; i++)
        queue_unpark_promise(kernel->state, promise_get(kernel->state,
            kref_number(list.krefs[i])));
    free(list.krefs);
}

struct promise *
settle_end(struct kernel *kernel, struct promise *promise)
{
    while (promise->follows != 0)
        promise = promise_get(kernel->state, promise->follows);
    return promise;
}

void
settle_follow(struct kernel *kernel, struct promise *promise, struct promise *target)
{
    target = settle_end(kernel, target);
    if (target == promise) {
        settle_reject(kernel, promise, "Error", "a promise cannot follow itself", -1);
    } else if (target->state != PROMISE_UNRESOLVED) {
        settle(kernel, promise, target->state, target->value);
    } else {
        promise_follow(kernel->state, promise, target);
        ref_hold(kernel, kref_promise(target->id));
        queue_repark(kernel->state, promise, target);
    }
}

void
settle_reject(struct kernel *kernel, struct promise *promise, const char *name,
    const char *message, int64_t incarnation)
{
    struct buf body = {0};
    cbor_error(&body, name, message, incarnation);
    struct blob *reason = blob_new(buf_view(&body), NULL, 0);
    settle(kernel, promise, PROMISE_REJECTED, reason);
    blob_drop(reason);
    buf_free(&body);
}
