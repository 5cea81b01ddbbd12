#include "kernel/lives/end.h"

#include "base/numbers.h"
#include "kernel/calls.h"
#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/lives/parameters.h"
#include "kernel/reason.h"
#include "kernel/settle.h"
#include "kernel/translate.h"
#include "state/bundle.h"
#include "state/clist.h"
#include "state/image.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

#include <assert.h>
#include <stdlib.h>

#define BATCH 1000 /* promises, references or rows that go in one crank */

size_t
end_reject_decided(struct kernel *kernel, const struct vat_record *vat, const char *name,
    const char *message, size_t most)
{
    struct number_list ids = {0};
    int64_t incarnation = vat->state == VAT_TERMINATED ? -1 : vat->incarnation;
    promise_decided_by(kernel->state, vat->id, most, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        const struct promise *promise = promise_get(kernel->state, ids.items[i]);
        if (promise != NULL && promise->decider == vat->id)
            settle_reject(kernel, promise, name, message, incarnation);
        assert(promise == NULL || promise->decider != vat->id);
    }
    size_t count = ids.count;
    list_free(&ids);
    assert(count <= most);
    return count;
}

void
end_give_up(struct kernel *kernel, const struct vat_record *vat, const struct clist_entry *entry,
    bool abandon)
{
    if (entry == NULL)
        return; /* its object is gone: the store has failed */
    if (kref_is_promise(entry->kref)) {
        const struct promise *promise = promise_need(kernel->state, kref_number(entry->kref));
        promise_unsubscribe(kernel->state, promise, vat->id);
    } else if (abandon && !vref_is_import(entry->vref)) {
        const struct object *object = object_need(kernel->state, kref_number(entry->kref));
        object_edit(kernel->state, object)->owner = 0;
    }
    translate_retire(kernel, entry);
}

/* Calls that were to be answered when it ends. */
static void
answer_waiting(struct kernel *kernel, const struct vat_record *vat)
{
    struct number_list calls = {0};
    queue_item_waiting_for_end(kernel->state, vat->id, &calls);
    for (size_t i = 0; i < calls.count; i++)
        calls_answer(kernel, queue_item_get(kernel->state, calls.items[i]),
            vat->ended_well ? PROMISE_FULFILLED : PROMISE_REJECTED, vat->parameters);
    list_free(&calls);
}

/* It lived as long as its vat; now it is an object like others. */
static void
dismiss_root(struct kernel *kernel, const struct vat_record *vat)
{
    const struct clist_entry *entry = clist_by_vref(kernel->state, vat->id, VREF_ROOT);
    if (entry == NULL)
        return;
    const struct object *root = object_need(kernel->state, kref_number(entry->kref));
    object_edit(kernel->state, root)->root = false;
}

void
end_vat(struct kernel *kernel, const struct vat_record *vat, const char *reason, bool well,
    struct blob *value)
{
    assert(crank_is_open(kernel) && vat->state != VAT_TERMINATED);
    struct blob *error = reason_new("VatTerminated", "vat terminated", -1);
    vat_record_set_fault(kernel->state, vat, reason);
    struct vat_record *edit = vat_record_edit(kernel->state, vat);
    edit->state = VAT_TERMINATED;
    edit->ended_well = well && value != NULL;
    kernel->ended = true;
    dismiss_root(kernel, vat);
    parameters_set(kernel, vat, value != NULL ? value : error);
    queue_unpark_vat(kernel->state, vat);
    answer_waiting(kernel, vat);
    end_reject_decided(kernel, vat, "VatTerminated", "vat terminated", BATCH);
    assert(vat->parked_first == NULL);
    numbers_add(&kernel->endings, vat->id);
    blob_drop(error);
}

/* Cleaning up */

void
end_forget(struct kernel *kernel, const struct vat_record *vat)
{
    if (vat == NULL || !vat->cleaned || object_administers(kernel->state, vat->id))
        return;
    assert(crank_is_open(kernel));
    parameters_drop(kernel, vat);
    vat_record_delete(kernel->state, vat);
}

static bool
is_ending(const struct vat_record *vat)
{
    return vat != NULL && vat->state == VAT_TERMINATED && !vat->cleaned;
}

/* The list also has vats that are cleaned up, until they are its first. */
static bool
others_wait(struct kernel *kernel)
{
    for (size_t i = 0; i < kernel->endings.count; i++) {
        if (is_ending(vat_record_get(kernel->state, kernel->endings.items[i])))
            return true;
    }
    return false;
}

void
end_clean(struct kernel *kernel, const struct vat_record *vat)
{
    assert(kernel->cause == CAUSE_CLEAN_UP && is_ending(vat));
    size_t done = end_reject_decided(kernel, vat, "VatTerminated", "vat terminated", BATCH);
    struct vref_list vrefs = {0};
    clist_vrefs(kernel->state, vat->id, BATCH - done, &vrefs);
    for (size_t i = 0; i < vrefs.count; i++)
        end_give_up(kernel, vat, clist_by_vref(kernel->state, vat->id, vrefs.items[i]), false);
    done += vrefs.count;
    list_free(&vrefs);
    if (done < BATCH)
        done += vatstore_delete_some(kernel->state, vat->id, BATCH - done);
    if (done < BATCH)
        done += transcript_delete_some(kernel->state, vat->id, BATCH - done);
    assert(done <= BATCH);
    if (done == BATCH)
        return;
    image_delete(kernel->state, vat->id);
    struct vat_record *edit = vat_record_edit(kernel->state, vat);
    edit->cleaned = true;
    edit->renewed = true;
    state_flush(kernel->state);
    end_forget(kernel, vat);
    if (!others_wait(kernel))
        bundle_sweep(kernel->state);
}

const struct vat_record *
end_next(struct kernel *kernel)
{
    while (kernel->endings.count > 0) {
        uint64_t id = kernel->endings.items[0];
        const struct vat_record *vat = vat_record_get(kernel->state, id);
        if (is_ending(vat))
            return vat;
        bool removed = numbers_remove(&kernel->endings, id);
        assert(removed);
        (void)removed;
    }
    return NULL;
}

void
end_find(struct kernel *kernel)
{
    vat_record_list(kernel->state, STATEMENT_VATS_ENDING, &kernel->endings);
}
