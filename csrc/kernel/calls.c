#include "kernel/calls.h"

#include "base/cbor.h"
#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/lives/upgrade.h"
#include "kernel/refs.h"
#include "kernel/settle.h"
#include "state/hold.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/service.h"
#include "state/vat_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kref
kernel_host_object(struct kernel *kernel, const char *interface)
{
    crank_open(kernel, CAUSE_HOST);
    const struct object *object = object_create(kernel->state, OWNER_HOST, bytes_of(interface));
    struct kref kref = kref_object(object->id);
    hold_add(kernel->state, HOLD_PIN, 0, kref);
    refs_hold(kernel, kref);
    crank_close(kernel, CRANK_KEEP);
    return kref;
}

struct kref
kernel_service(struct kernel *kernel, const char *name)
{
    uint64_t id = service_object(kernel->state, name);
    if (id != 0)
        return kref_object(id);
    struct kref kref = kernel_host_object(kernel, name);
    service_store(kernel->state, name, kref_number(kref));
    return kref;
}

void
calls_route(struct kernel *kernel, const struct queue_item *item, const struct object *object)
{
    assert(object->owner == OWNER_HOST && item->kind == QUEUE_MESSAGE);
    queue_set_aside(kernel->state, item, QUEUE_ON_SERVICE, object->id);
    assert(item->place == QUEUE_ON_SERVICE && item->place_id == object->id);
    list_push(&kernel->calls, item->seq);
}

void
calls_find(struct kernel *kernel)
{
    assert(!crank_is_open(kernel) && kernel->calls.count == 0);
    struct number_list calls = {0};
    queue_item_calls(kernel->state, &calls);
    for (size_t i = 0; i < calls.count; i++)
        list_push(&kernel->calls, calls.items[i]);
    list_free(&calls);
}

uint64_t
kernel_call_cluster(struct kernel *kernel, uint64_t seq)
{
    const struct queue_item *item = queue_item_get(kernel->state, seq);
    const struct vat_record *vat = item == NULL ? NULL : vat_record_get(kernel->state, item->vat);
    return vat == NULL ? 0 : vat->cluster;
}

static uint64_t
take_first(struct waiting *list)
{
    assert(list->count > 0);
    uint64_t first = list->items[0];
    list->count--;
    memmove(list->items, list->items + 1, list->count * sizeof first);
    return first;
}

bool
kernel_next_call(struct kernel *kernel, struct service_call *call)
{
    assert(!crank_is_open(kernel));
    while (kernel->calls.count > 0 && kernel_stopped(kernel) == NULL) {
        const struct queue_item *item = queue_item_get(kernel->state, take_first(&kernel->calls));
        if (item == NULL || item->place != QUEUE_ON_SERVICE)
            continue;
        const struct object *object = object_need(kernel->state, item->place_id);
        *call = (struct service_call){.seq = item->seq,
            .service = object->interface,
            .object = item->target,
            .subject = object->subject,
            .sender = item->vat,
            .method = item->method,
            .arguments = item->value,
            .crank = item->cause_crank,
            .syscall = item->cause_syscall};
        return true;
    }
    return false;
}

void
calls_answer(struct kernel *kernel, const struct queue_item *item, enum promise_state how,
    struct blob *value)
{
    assert(crank_is_open(kernel));
    if (item == NULL)
        return;
    assert(item->place == QUEUE_ON_SERVICE || item->place == QUEUE_ON_END);
    const struct promise *result = item_result(kernel, item);
    if (result != NULL)
        settle(kernel, result, how, value);
    item_release(kernel, item);
}

static bool
answer(struct kernel *kernel, uint64_t seq, enum promise_state how, struct blob *value)
{
    const struct queue_item *item = queue_item_get(kernel->state, seq);
    if (item == NULL || item->place != QUEUE_ON_SERVICE)
        return false;
    crank_open(kernel, CAUSE_HOST);
    calls_answer(kernel, item, how, value);
    crank_close(kernel, CRANK_KEEP);
    return true;
}

bool
kernel_answer(struct kernel *kernel, uint64_t seq, bool fulfilled, struct blob *value)
{
    return answer(kernel, seq, fulfilled ? PROMISE_FULFILLED : PROMISE_REJECTED, value);
}

/* Administering vats */

static void
reference(struct buf *body, const char *key, uint64_t slot, struct bytes interface)
{
    cbor_string(body, bytes_of(key));
    cbor_head(body, CBOR_TAG, CBOR_TAG_OBJECT);
    cbor_head(body, CBOR_ARRAY, 2);
    cbor_integer(body, (int64_t)slot);
    cbor_string(body, interface);
}

void
kernel_answer_created(struct kernel *kernel, uint64_t seq, uint64_t vat)
{
    assert(kernel->cause == CAUSE_START && crank_is_open(kernel));
    struct object *admin = object_create(kernel->state, OWNER_HOST, bytes_of("VatAdmin"));
    admin->subject = vat;
    struct kref slots[] = {kernel_root(kernel, vat), kref_object(admin->id)};
    const struct object *root = object_need(kernel->state, kref_number(slots[0]));
    struct buf body = {0};
    cbor_head(&body, CBOR_ARRAY, 1);
    cbor_head(&body, CBOR_MAP, 2);
    reference(&body, "root", 0, blob_bytes(root->interface));
    reference(&body, "admin", 1, bytes_of("VatAdmin"));
    struct blob *value = blob_new(buf_view(&body), slots, 2);
    calls_answer(kernel, queue_item_get(kernel->state, seq), PROMISE_FULFILLED, value);
    blob_drop(value);
    buf_free(&body);
}

void
kernel_answer_at_end(struct kernel *kernel, uint64_t seq, uint64_t id)
{
    const struct vat_record *vat = vat_record_get(kernel->state, id);
    const struct queue_item *item = queue_item_get(kernel->state, seq);
    if (item == NULL || item->place != QUEUE_ON_SERVICE)
        return;
    if (vat != NULL && vat->state == VAT_TERMINATED) {
        answer(
            kernel, seq, vat->ended_well ? PROMISE_FULFILLED : PROMISE_REJECTED, vat->parameters);
        return;
    }
    crank_open(kernel, CAUSE_HOST);
    queue_set_aside(kernel->state, item, QUEUE_ON_END, id);
    crank_close(kernel, CRANK_KEEP);
}

bool
kernel_answer_by_upgrade(
    struct kernel *kernel, uint64_t seq, uint64_t vat, struct bytes bundle, struct blob *parameters)
{
    const struct queue_item *call = queue_item_get(kernel->state, seq);
    if (call == NULL || call->place != QUEUE_ON_SERVICE)
        return false;
    crank_open(kernel, CAUSE_HOST);
    struct kref result = item_result(kernel, call) != NULL ? call->result : KREF_NONE;
    upgrade_push(kernel, vat, bundle, parameters, result);
    item_release(kernel, call);
    crank_close(kernel, CRANK_KEEP);
    return true;
}
