#include "kernel/item.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/refs.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"

#include <assert.h>

static bool
is_undecided(const struct promise *promise)
{
    return promise->state == PROMISE_UNRESOLVED && promise->decider == DECIDER_NONE;
}

const struct queue_item *
item_push(struct kernel *kernel, const struct new_item *new)
{
    assert(new->kind == QUEUE_MESSAGE || new->vat != 0);
    assert(new->kind != QUEUE_NOTIFY || kref_is_none(new->result));
    assert(kref_is_none(new->result) ||
           is_undecided(promise_need(kernel->state, kref_number(new->result))));
    struct queue_item *item = queue_push(kernel->state, new->kind);
    if (new->kind == QUEUE_MESSAGE)
        queue_set_target(kernel->state, item, new->target);
    else
        item->target = new->target;
    item->result = new->result;
    item->vat = new->vat;
    item->method = blob_new(new->method, NULL, 0);
    item->value = new->value != NULL ? blob_hold(new->value) : blob_empty();
    item->cause_crank = crank_number(kernel);
    item->cause_syscall = kernel->syscall;
    refs_hold(kernel, item->target);
    if (!kref_is_none(item->result))
        refs_hold(kernel, item->result);
    refs_hold_slots(kernel, item->value);
    assert(item->place == QUEUE_RUN && item->cause_crank > 0);
    return item;
}

const struct promise *
item_result(struct kernel *kernel, const struct queue_item *item)
{
    if (kref_is_none(item->result))
        return NULL;
    const struct promise *result = promise_need(kernel->state, kref_number(item->result));
    if (is_undecided(result)) /* it follows none, then */
        return result;
    db_damaged(state_db(kernel->state), "queue", (int64_t)item->seq);
    return NULL;
}

void
item_release(struct kernel *kernel, const struct queue_item *item)
{
    assert(crank_is_open(kernel));
    assert(
        item->place == QUEUE_RUN || item->place == QUEUE_ON_SERVICE || item->place == QUEUE_ON_END);
    refs_drop(kernel, item->target);
    if (!kref_is_none(item->result))
        refs_drop(kernel, item->result);
    refs_drop_slots(kernel, item->value);
    assert(!item->row.dead);
    if (item->place == QUEUE_RUN)
        queue_consume(kernel->state, item);
    else
        queue_finish(kernel->state, item);
}
