#include "kernel/lives/upgrade.h"

#include "base/cbor.h"
#include "kernel/crank.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/lives/life.h"
#include "kernel/lives/parameters.h"
#include "kernel/route.h"
#include "kernel/schedule.h"
#include "kernel/settle.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>

/* In the open crank: the vat's next incarnation, with its start to be delivered. */
static void
prepare(struct kernel *kernel, const struct vat_record *vat, struct bytes bundle,
    struct blob *parameters, double now)
{
    struct vat_record *edit = vat_record_edit(kernel->state, vat);
    edit->renewed = true;
    assert(kernel->cause == CAUSE_UPGRADE || kernel->cause == CAUSE_RENEWAL);
    if (bundle.size > 0) {
        struct blob *name = blob_new(bundle, NULL, 0); /* it may be the same's bytes */
        blob_drop(edit->bundle);
        edit->bundle = name;
    }
    if (parameters != NULL)
        parameters_set(kernel, vat, parameters);
    life_forget_heap(kernel, vat);
    edit->state = VAT_RUNNING;
    life_start(kernel, vat, now);
}

/* A flush may have written what is undone here: the whole row is written again. */
static void
undo(struct kernel *kernel)
{
    uint64_t id = kernel->vat;
    crank_close(kernel, CRANK_UNDO);
    vat_record_write_all(kernel->state, vat_record_get(kernel->state, id));
}

/* As an item of the queue */

void
upgrade_push(struct kernel *kernel, uint64_t vat, struct bytes bundle, struct blob *parameters,
    struct kref result)
{
    item_push(kernel, &(struct new_item){.kind = QUEUE_UPGRADE,
                          .target = kernel_root(kernel, vat),
                          .result = result,
                          .vat = vat,
                          .method = bundle,
                          .value = parameters});
}

struct kref
kernel_send_upgrade(
    struct kernel *kernel, uint64_t vat, struct bytes bundle, struct blob *parameters)
{
    crank_open(kernel, CAUSE_HOST);
    struct kref result = kref_promise(promise_create(kernel->state, DECIDER_NONE)->id);
    upgrade_push(kernel, vat, bundle, parameters, result);
    handles_hold(kernel, result);
    crank_close(kernel, CRANK_KEEP);
    return result;
}

bool
upgrade_route(struct kernel *kernel, const struct queue_item *item, double now)
{
    const struct vat_record *vat = vat_record_get(kernel->state, item->vat);
    if (vat == NULL || vat->state == VAT_TERMINATED) {
        route_splat(kernel, item, "VatTerminated", "vat terminated");
        return false;
    }
    bool replaces = item->value->size > 0;
    prepare(kernel, vat, blob_bytes(item->method), replaces ? item->value : NULL, now);
    return true;
}

static void
fulfil_with_incarnation(struct kernel *kernel, const struct promise *result, int64_t incarnation)
{
    struct buf body = {0};
    cbor_head(&body, CBOR_ARRAY, 1);
    cbor_head(&body, CBOR_MAP, 1);
    cbor_string(&body, bytes_of("incarnation"));
    cbor_integer(&body, incarnation);
    struct blob *value = blob_new(buf_view(&body), NULL, 0);
    settle(kernel, result, PROMISE_FULFILLED, value);
    blob_drop(value);
    buf_free(&body);
}

/* What the start came to, applied; false with a reason. */
static bool
apply(struct kernel *kernel, const struct outcome *outcome, const char **reason)
{
    if (!kernel_start_finish(kernel, outcome, reason))
        return false;
    const struct vat_record *vat = vat_record_get(kernel->state, kernel->vat);
    queue_unpark_vat(kernel->state, vat);
    struct vat_record *edit = vat_record_edit(kernel->state, vat);
    blob_drop(edit->fault);
    edit->fault = NULL;
    assert(vat->state == VAT_RUNNING && vat->parked_first == NULL);
    return true;
}

bool
kernel_upgrade_finish(struct kernel *kernel, const struct outcome *outcome, const char **reason)
{
    assert(kernel->cause == CAUSE_UPGRADE && kernel->item != 0);
    bool good = apply(kernel, outcome, reason);
    const struct queue_item *item;
    if (good) {
        item = queue_head(kernel->state);
        const struct vat_record *vat = vat_record_get(kernel->state, kernel->vat);
        assert(item->seq == kernel->item && item->vat == kernel->vat);
        schedule_rebuilt(kernel, vat->id);
        const struct promise *result = item_result(kernel, item);
        if (result != NULL)
            fulfil_with_incarnation(kernel, result, vat->incarnation);
        item_release(kernel, item);
    } else {
        struct buf text = {0};
        buf_format(&text, "the upgrade failed, the vat goes on as it was: %s", *reason);
        vat_record_edit(kernel->state, crank_again(kernel))->renewed = true;
        route_splat(kernel, queue_head(kernel->state), "UpgradeFailed", buf_string(&text));
        buf_free(&text);
    }
    crank_close(kernel, CRANK_KEEP);
    return good;
}

/* By the host, now */

void
kernel_upgrade_begin(struct kernel *kernel, uint64_t vat, struct bytes bundle,
    struct blob *parameters, double now, struct crank *crank)
{
    state_flush(kernel->state); /* the next incarnation's transcript begins a row of its own */
    crank_open(kernel, CAUSE_RENEWAL);
    prepare(kernel, vat_record_get(kernel->state, vat), bundle, parameters, now);
    *crank = (struct crank){vat, buf_view(&kernel->delivery), false};
}

bool
kernel_upgrade_try(
    struct kernel *kernel, const struct outcome *outcome, bool keep, const char **reason)
{
    assert(kernel->cause == CAUSE_RENEWAL);
    bool good = apply(kernel, outcome, reason);
    if (good && keep) {
        schedule_rebuilt(kernel, kernel->vat);
        crank_close(kernel, CRANK_KEEP);
    } else {
        undo(kernel);
    }
    return good;
}
