#include "kernel/route.h"

#include "base/cbor.h"
#include "kernel/calls.h"
#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/krefs.h"
#include "kernel/lives/upgrade.h"
#include "kernel/reason.h"
#include "kernel/settle.h"
#include "kernel/translate.h"
#include "state/clist.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>

#define AGAIN_MAX 1024 /* bytes that a second attempt of a notify may bring: they grow when read */

static void
splat_with(struct kernel *kernel, const struct queue_item *item, struct blob *reason)
{
    const struct promise *result = item_result(kernel, item);
    if (result != NULL)
        settle(kernel, result, PROMISE_REJECTED, reason);
    item_release(kernel, item);
}

void
route_splat(
    struct kernel *kernel, const struct queue_item *item, const char *name, const char *message)
{
    assert(item->place == QUEUE_RUN && item->kind != QUEUE_NOTIFY);
    struct blob *reason = reason_new(name, message, -1);
    splat_with(kernel, item, reason);
    blob_drop(reason);
}

static void
splat_not_callable(struct kernel *kernel, const struct queue_item *item)
{
    struct buf text = {0};
    struct bytes method = blob_bytes(item->method);
    buf_format(&text, "data is not callable, has no method %.*s", (int)method.size,
        (const char *)method.data);
    route_splat(kernel, item, "NotCallable", buf_string(&text));
    buf_free(&text);
}

/* The object that a settled promise stands for, or none. */
static struct kref
single_object(const struct promise *promise)
{
    uint64_t index;
    if (promise->state != PROMISE_FULFILLED ||
        !cbor_single_object(blob_bytes(promise->value), &index))
        return KREF_NONE;
    if (index >= promise->value->slot_count || kref_is_promise(promise->value->slots[index]))
        return KREF_NONE;
    return promise->value->slots[index];
}

/* The object that the message goes to; none when it went elsewhere: parked or splatted. */
static struct kref
find_target(struct kernel *kernel, const struct queue_item *item)
{
    if (!kref_is_promise(item->target))
        return item->target;
    const struct promise *promise = promise_need(kernel->state, kref_number(item->target));
    promise = settle_end(kernel, promise);
    if (promise->state == PROMISE_UNRESOLVED) {
        queue_park_on_promise(kernel->state, item, promise);
        assert(item->place == QUEUE_ON_PROMISE && promise->parked_last == item);
        return KREF_NONE;
    }
    if (promise->state == PROMISE_REJECTED) {
        splat_with(kernel, item, promise->value);
        return KREF_NONE;
    }
    struct kref object = single_object(promise);
    if (kref_is_none(object))
        splat_not_callable(kernel, item);
    return object;
}

/* The living owner; NULL when the message went elsewhere. */
static const struct vat_record *
find_owner(struct kernel *kernel, const struct queue_item *item, struct kref target)
{
    const struct object *object = object_need(kernel->state, kref_number(target));
    const struct vat_record *owner =
        object->owner == 0 ? NULL : vat_record_get(kernel->state, object->owner);
    if (object->revoked)
        route_splat(kernel, item, "ObjectRevoked", "object revoked");
    else if (object->owner == OWNER_HOST)
        calls_route(kernel, item, object);
    else if (object->owner == 0)
        route_splat(kernel, item, "ObjectAbandoned", "object abandoned");
    else if (owner == NULL || owner->state == VAT_TERMINATED)
        route_splat(kernel, item, "VatTerminated", "vat terminated");
    else if (owner->state != VAT_RUNNING)
        queue_park_on_vat(kernel->state, item, owner);
    else
        return owner;
    return NULL;
}

static bool
route_message(struct kernel *kernel, const struct queue_item *item, double now)
{
    struct kref target = find_target(kernel, item);
    const struct vat_record *owner = kref_is_none(target) ? NULL : find_owner(kernel, item, target);
    if (owner == NULL)
        return false;
    struct delivery delivery = {.kind = DELIVER_MESSAGE, .now = now};
    delivery.target = translate_out(kernel, owner->id, target);
    delivery.method = blob_bytes(item->method);
    delivery.value = translate_value_out(kernel, owner->id, item->value);
    const struct promise *result = item_result(kernel, item);
    if (result != NULL) {
        delivery.result = translate_out(kernel, owner->id, item->result);
        promise_edit(kernel->state, result)->decider = owner->id;
    }
    crank_deliver(kernel, owner->id, &delivery);
    item_release(kernel, item);
    return true;
}

/* The settled promises that can be reached from this one through values: it comes first. The vat
   is told of all of them at once, so that even cycles end. */
static void
collect_settled(struct kernel *kernel, const struct promise *first, struct kref_list *list)
{
    uint64_t visit = ++kernel->visit;
    promise_mark(first)->visited = visit;
    list_push(list, kref_promise(first->id));
    for (size_t i = 0; i < list->count; i++) {
        const struct promise *promise = promise_need(kernel->state, kref_number(list->items[i]));
        for (size_t s = 0; s < promise->value->slot_count; s++) {
            struct kref kref = promise->value->slots[s];
            if (!kref_is_promise(kref))
                continue;
            const struct promise *inner = promise_need(kernel->state, kref_number(kref));
            if (inner->state != PROMISE_UNRESOLVED && inner->mark.visited != visit) {
                promise_mark(inner)->visited = visit;
                list_push(list, kref);
            }
        }
    }
}

static void
take_settled(struct kernel *kernel, uint64_t vat, const struct kref_list *list,
    struct settlement *settlements)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct promise *promise = promise_need(kernel->state, kref_number(list->items[i]));
        settlements[i].promise = translate_out(kernel, vat, list->items[i]);
        settlements[i].state =
            promise->state == PROMISE_FULFILLED ? SETTLE_FULFILLED : SETTLE_REJECTED;
        settlements[i].value = translate_value_out(kernel, vat, promise->value);
    }
}

static bool
is_large(struct kernel *kernel, const struct kref_list *list)
{
    size_t size = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct promise *promise = promise_need(kernel->state, kref_number(list->items[i]));
        size += blob_bytes(promise->value).size +
                (promise->value->slot_count + 1) * sizeof(struct slot);
    }
    return size > AGAIN_MAX;
}

/* Reading the value alone was too much for the vat, or may have been. Whoever sent it must not be
   able to suspend this vat, so it gets the reason instead. */
static void
notify_without(struct kernel *kernel, const struct queue_item *item, struct settlement *settlement)
{
    const struct vat_record *vat = vat_record_get(kernel->state, item->vat);
    bool known = vat->fault != NULL;
    struct blob *reason = reason_new(
        "BudgetExceeded", known ? (const char *)vat->fault->body : "delivery exceeded a limit", -1);
    settlement->promise = translate_out(kernel, item->vat, item->target);
    settlement->state = SETTLE_REJECTED;
    settlement->value = (struct capdata){.body = arena_copy(&kernel->arena, blob_bytes(reason))};
    blob_drop(reason);
}

static void
deliver_notify(struct kernel *kernel, const struct queue_item *item, double now)
{
    struct kref_list list = {0};
    collect_settled(kernel, promise_need(kernel->state, kref_number(item->target)), &list);
    struct settlement *settlements = arena_take(&kernel->arena, list.count * sizeof *settlements);
    bool without = item->attempt > 0 && is_large(kernel, &list);
    if (without) {
        list.count = 0;
        list_push(&list, item->target);
        notify_without(kernel, item, &settlements[0]);
    } else {
        take_settled(kernel, item->vat, &list, settlements);
    }
    struct delivery delivery = {.kind = DELIVER_NOTIFY,
        .now = now,
        .settlements = settlements,
        .settlement_count = list.count,
        .budget_exceeded = without ? 0 : (uint8_t)item->attempt};
    crank_deliver(kernel, item->vat, &delivery);
    for (size_t i = 0; i < list.count; i++)
        translate_retire(kernel, clist_by_kref(kernel->state, item->vat, list.items[i]));
    assert(clist_by_kref(kernel->state, item->vat, item->target) == NULL);
    list_free(&list);
    item_release(kernel, item);
}

static bool
route_notify(struct kernel *kernel, const struct queue_item *item, double now)
{
    const struct vat_record *vat = vat_record_get(kernel->state, item->vat);
    const struct promise *promise = promise_need(kernel->state, kref_number(item->target));
    bool wanted = vat != NULL && vat->state != VAT_TERMINATED &&
                  clist_by_kref(kernel->state, item->vat, item->target) != NULL;
    if (promise->state == PROMISE_UNRESOLVED) {
        db_damaged(state_db(kernel->state), "queue", (int64_t)item->seq);
        wanted = false;
    }
    if (!wanted)
        item_release(kernel, item);
    else if (vat->state != VAT_RUNNING)
        queue_park_on_vat(kernel->state, item, vat);
    else
        deliver_notify(kernel, item, now);
    return wanted && vat->state == VAT_RUNNING;
}

bool
route(struct kernel *kernel, const struct queue_item *item, double now)
{
    assert(crank_is_open(kernel) && kernel->item == item->seq && kernel->vat == 0);
    assert(item->place == QUEUE_RUN && item == queue_head(kernel->state));
    if (item->kind == QUEUE_NOTIFY)
        return route_notify(kernel, item, now);
    if (item->kind == QUEUE_UPGRADE)
        return upgrade_route(kernel, item, now);
    return route_message(kernel, item, now);
}
