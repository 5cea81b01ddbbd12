#include "kernel/kernel.h"

#include "base/memory.h"
#include "base/part.h"
#include "kernel/calls.h"
#include "kernel/crank.h"
#include "kernel/garbage/gc.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/lives/end.h"
#include "kernel/reason.h"
#include "kernel/refs.h"
#include "kernel/schedule.h"
#include "state/clist.h"
#include "state/hold.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>
#include <stdlib.h>

static const struct part parts[] = {
    PART_ARENA(struct kernel, arena),
    PART_BUF(struct kernel, delivery),
    PART_BUF(struct kernel, reason),
    PART(struct kernel, gc, &gc_part),
    PART_LIST(struct kernel, unheld),
    PART_LIST(struct kernel, endings),
    PART_LIST(struct kernel, calls),
    PART_LIST(struct kernel, suspects),
    PART_LIST(struct kernel, releases),
    PART_LIST(struct kernel, rebuilds),
    PART_END,
};

/* Opening and closing */

struct kernel *
kernel_open(const char *path, enum db_mode mode, char **error)
{
    struct state *state = state_open(path, mode, error);
    if (state == NULL)
        return NULL;
    struct kernel *kernel = memory_zero(sizeof *kernel);
    kernel->state = state;
    if (mode == DB_WRITE) {
        handles_find_left_over(kernel);
        kernel->suspect_all = true;
        end_find(kernel);
        calls_find(kernel);
        struct number_list rebuilds = {0};
        vat_record_list(state, STATEMENT_VATS_TO_REBUILD, &rebuilds);
        for (size_t i = 0; i < rebuilds.count; i++)
            schedule_rebuild(kernel, rebuilds.items[i]);
        list_free(&rebuilds);
    }
    return kernel;
}

void
kernel_close(struct kernel *kernel)
{
    if (kernel == NULL)
        return;
    state_close(kernel->state);
    part_free(parts, kernel);
    free(kernel->stopped);
    free(kernel);
}

void
kernel_trim(struct kernel *kernel)
{
    assert(!crank_is_open(kernel));
    part_trim(parts, kernel);
    state_trim(kernel->state);
}

uint64_t
kernel_memory(struct kernel *kernel)
{
    return part_memory(parts, kernel) + state_memory(kernel->state);
}

struct state *
kernel_state(struct kernel *kernel)
{
    return kernel->state;
}

const char *
kernel_stopped(const struct kernel *kernel)
{
    const char *store = state_error(kernel->state);
    return store != NULL ? store : kernel->stopped;
}

/* References */

struct kref
kernel_root(struct kernel *kernel, uint64_t vat)
{
    const struct clist_entry *entry = clist_by_vref(kernel->state, vat, VREF_ROOT);
    return entry == NULL ? KREF_NONE : entry->kref;
}

bool
kernel_exists(struct kernel *kernel, struct kref kref)
{
    if (kref_is_promise(kref))
        return promise_get(kernel->state, kref_number(kref)) != NULL;
    return object_get(kernel->state, kref_number(kref)) != NULL;
}

void
kernel_pin(struct kernel *kernel, struct kref kref)
{
    crank_open(kernel, CAUSE_HOST);
    hold_add(kernel->state, HOLD_PIN, 0, kref);
    refs_hold(kernel, kref);
    crank_close(kernel, CRANK_KEEP);
}

bool
kernel_unpin(struct kernel *kernel, struct kref kref)
{
    crank_open(kernel, CAUSE_HOST);
    bool pinned = hold_remove(kernel->state, HOLD_PIN, 0, kref);
    if (pinned)
        refs_drop(kernel, kref);
    crank_close(kernel, CRANK_KEEP);
    return pinned;
}

bool
kernel_revoke(struct kernel *kernel, struct kref kref)
{
    const struct object *object =
        kref_is_promise(kref) ? NULL : object_get(kernel->state, kref_number(kref));
    if (object == NULL)
        return false;
    crank_open(kernel, CAUSE_HOST);
    object_edit(kernel->state, object)->revoked = true;
    crank_close(kernel, CRANK_KEEP);
    return true;
}

struct kref
kernel_send(struct kernel *kernel, struct kref target, struct bytes method, struct blob *arguments)
{
    crank_open(kernel, CAUSE_HOST);
    const struct promise *result = promise_create(kernel->state, DECIDER_NONE);
    struct kref kref = kref_promise(result->id);
    item_push(kernel, &(struct new_item){.kind = QUEUE_MESSAGE,
                          .target = target,
                          .result = kref,
                          .method = method,
                          .value = arguments});
    handles_hold(kernel, kref);
    crank_close(kernel, CRANK_KEEP);
    return kref;
}

enum settled
kernel_outcome(struct kernel *kernel, struct kref promise, struct blob **value)
{
    const struct promise *row = promise_get(kernel->state, kref_number(promise));
    *value = NULL;
    if (row == NULL || row->state == PROMISE_UNRESOLVED)
        return SETTLED_NOT;
    *value = row->value;
    return row->state == PROMISE_FULFILLED ? SETTLED_FULFILLED : SETTLED_REJECTED;
}

/* Vats */

bool
kernel_vat_lives(struct kernel *kernel, uint64_t vat)
{
    const struct vat_record *record = vat_record_get(kernel->state, vat);
    return record != NULL && (record->state == VAT_RUNNING || record->state == VAT_SUSPENDED);
}

bool
kernel_terminate_vat(struct kernel *kernel, uint64_t id, const char *reason)
{
    const struct vat_record *vat = vat_record_get(kernel->state, id);
    if (vat == NULL || vat->state == VAT_TERMINATED)
        return false;
    crank_open(kernel, CAUSE_HOST);
    if (crank_stop_for(kernel, vat, reason))
        return true;
    struct blob *failure = reason_new("VatTerminated", reason, -1); /* for who asks how it ended */
    end_vat(kernel, vat, reason, false, failure);
    blob_drop(failure);
    crank_close(kernel, CRANK_KEEP);
    return true;
}

bool
kernel_suspend_vat(struct kernel *kernel, uint64_t id)
{
    const struct vat_record *vat = vat_record_get(kernel->state, id);
    if (vat == NULL || vat->state != VAT_RUNNING)
        return false;
    crank_open(kernel, CAUSE_HOST);
    vat_record_edit(kernel->state, vat)->state = VAT_SUSPENDED;
    crank_close(kernel, CRANK_KEEP);
    return true;
}

bool
kernel_resume_vat(struct kernel *kernel, uint64_t id)
{
    const struct vat_record *vat = vat_record_get(kernel->state, id);
    if (vat == NULL || (vat->state != VAT_SUSPENDED && vat->state != VAT_FAILED))
        return false;
    crank_open(kernel, CAUSE_HOST);
    vat_record_edit(kernel->state, vat)->state = VAT_RUNNING;
    gc_lost_hints(kernel); /* what waited for it is to be found again */
    queue_unpark_vat(kernel->state, vat);
    assert(vat->parked_first == NULL);
    crank_close(kernel, CRANK_KEEP);
    return true;
}
