#include "kernel/face/vats.h"

#include "state/clist.h"
#include "state/cluster.h"
#include "state/counter.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>
#include <stdlib.h>

bool
kernel_vat_info(struct kernel *kernel, uint64_t vat, struct vat_info *info)
{
    const struct vat_record *record = vat_record_get(kernel_state(kernel), vat);
    if (record == NULL)
        return false;
    assert(record->id == vat);
    bool faulty = record->fault != NULL && record->fault->size > 0;
    *info = (struct vat_info){
        .id = record->id,
        .cluster = record->cluster,
        .name = blob_bytes(record->name),
        .bundle = blob_bytes(record->bundle),
        .settings = record->settings,
        .state = record->state,
        .incarnation = record->incarnation,
        .deliveries = record->deliveries,
        .position = record->position,
        .fault = faulty ? (const char *)record->fault->body : NULL,
    };
    return true;
}

int
kernel_vat_by_name(struct kernel *kernel, struct bytes name, uint64_t cluster, uint64_t *vat)
{
    assert(!state_in_crank(kernel_state(kernel)));
    uint64_t found = vat_record_by_name(kernel_state(kernel), name, cluster);
    *vat = found == VAT_AMBIGUOUS ? 0 : found;
    return found == VAT_AMBIGUOUS ? 2 : found != 0;
}

uint64_t
kernel_last_vat(struct kernel *kernel)
{
    return counter_last(kernel_state(kernel), COUNTER_VAT);
}

size_t
kernel_promises_of(struct kernel *kernel, uint64_t vat)
{
    struct number_list ids = {0};
    promise_decided_by(kernel_state(kernel), vat, SIZE_MAX, &ids);
    size_t count = ids.count;
    list_free(&ids);
    return count;
}

void
kernel_cluster_vats(struct kernel *kernel, uint64_t cluster, struct number_list *vats)
{
    assert(!state_in_crank(kernel_state(kernel)));
    cluster_vats(kernel_state(kernel), cluster, vats);
}

bool
kernel_delete_cluster(struct kernel *kernel, uint64_t cluster)
{
    assert(!state_in_crank(kernel_state(kernel)));
    return cluster_delete(kernel_state(kernel), cluster);
}

/* References */

struct bytes
kernel_interface(struct kernel *kernel, struct kref object)
{
    assert(!kref_is_promise(object));
    return blob_bytes(object_get(kernel_state(kernel), kref_number(object))->interface);
}

struct kref
kernel_kref_of(struct kernel *kernel, uint64_t vat, struct vref vref)
{
    const struct clist_entry *entry = clist_by_vref(kernel_state(kernel), vat, vref);
    return entry == NULL ? KREF_NONE : entry->kref;
}

enum reach
kernel_reach(struct kernel *kernel, struct kref kref)
{
    struct state *state = kernel_state(kernel);
    const struct object *object = object_get(state, kref_number(kref));
    if (object == NULL || object->revoked)
        return REACH_GONE;
    if (object->owner == OWNER_HOST)
        return REACH_RUNS;
    const struct vat_record *vat = vat_record_get(state, object->owner);
    if (vat == NULL || vat->state == VAT_TERMINATED)
        return REACH_GONE;
    return vat->state == VAT_RUNNING ? REACH_RUNS : REACH_WAITS;
}
