#include "kernel/verdict.h"

#include "kernel/crank.h"
#include "kernel/garbage/gc.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/lives/end.h"
#include "kernel/route.h"
#include "kernel/schedule.h"
#include "kernel/translate.h"
#include "state/queue.h"
#include "state/vat_record.h"

#include <assert.h>

/* The item, which is at the queue's head again, goes the way of a vat that ends. */
static void
end_with(struct kernel *kernel, const struct queue_item *item, const struct vat_record *vat,
    const char *reason, const struct capdata *failure)
{
    struct blob *value = NULL;
    if (failure != NULL)
        value = translate_value_in(kernel, vat->id, failure);
    if (crank_stop_for(kernel, vat, reason)) {
        blob_drop(value);
        return;
    }
    if (item != NULL && item->kind == QUEUE_MESSAGE)
        route_splat(kernel, item, "VatTerminated", "vat terminated");
    else if (item != NULL)
        item_release(kernel, item);
    end_vat(kernel, vat, reason, false, value);
    blob_drop(value);
    crank_close(kernel, CRANK_KEEP);
}

static void
suspend_with(struct kernel *kernel, const struct queue_item *item, const struct vat_record *vat)
{
    vat_record_edit(kernel->state, vat)->state = VAT_SUSPENDED;
    if (item != NULL)
        queue_park_on_vat(kernel->state, item, vat);
    crank_close(kernel, CRANK_KEEP);
}

/* A delivery ran over a limit, and the vat's policy is to go on without it. */
static void
reject_with(struct kernel *kernel, const struct queue_item *item, const struct vat_record *vat,
    const char *reason)
{
    if (item != NULL && item->kind == QUEUE_MESSAGE) {
        route_splat(kernel, item, "BudgetExceeded", reason);
        crank_close(kernel, CRANK_KEEP);
    } else if (item != NULL && item->attempt == 0) {
        queue_item_edit(kernel->state, item)->attempt = kernel->fault;
        crank_close(kernel, CRANK_KEEP);
    } else {
        suspend_with(kernel, item, vat);
    }
}

/* Its item waits with it. */
static void
fail_with(struct kernel *kernel, const struct queue_item *item, const struct vat_record *vat)
{
    vat_record_edit(kernel->state, vat)->state = VAT_FAILED;
    if (item != NULL)
        queue_park_on_vat(kernel->state, item, vat);
    crank_close(kernel, CRANK_KEEP);
}

/* The item that the undone crank had taken; NULL when that was the collector's. */
static const struct queue_item *
undone_item(struct kernel *kernel)
{
    if (kernel->item == 0) {
        assert(kernel->cause == CAUSE_COLLECTOR || kernel->cause == CAUSE_REAP);
        gc_lost_hints(kernel);
        return NULL;
    }
    const struct queue_item *head = queue_head(kernel->state);
    assert(head->seq == kernel->item && head->place == QUEUE_RUN);
    return head;
}

static void
fail_rebuild(struct kernel *kernel, const struct vat_record *vat)
{
    uint64_t id = vat->id;
    fail_with(kernel, NULL, vat);
    schedule_rebuild(kernel, id);
}

void
verdict_carry_out(struct kernel *kernel, enum verdict verdict, const char *reason)
{
    const struct vat_record *vat = crank_again(kernel);
    assert(vat->state == VAT_RUNNING);
    vat_record_set_fault(kernel->state, vat, reason);
    if (kernel->cause == CAUSE_REBUILD) {
        fail_rebuild(kernel, vat);
        return;
    }
    const struct queue_item *item = undone_item(kernel);
    enum fault_policy policy =
        verdict == VERDICT_LIMIT ? vat->settings.on_fault : ON_FAULT_TERMINATE;
    if (verdict == VERDICT_LOST)
        fail_with(kernel, item, vat);
    else if (policy == ON_FAULT_TERMINATE)
        end_with(kernel, item, vat, reason, verdict == VERDICT_EXIT ? &kernel->exit->value : NULL);
    else if (policy == ON_FAULT_SUSPEND)
        suspend_with(kernel, item, vat);
    else
        reject_with(kernel, item, vat, reason);
}
