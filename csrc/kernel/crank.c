/* Cranks: how one begins, and the ways that it can end. What a vat did is applied whole, or the
 * crank is undone and the vat's policy decides what becomes of its item. */
#include "base/memory.h"
#include "kernel/internal.h"
#include "state/counter.h"

#include <assert.h>
#include <stdlib.h>

#define LEFT_OVER_BATCH 1000 /* references that go in one crank */

void
crank_keep(struct kernel *kernel)
{
    refs_settle(kernel);
    counter_next(kernel->state, COUNTER_CRANK);
    state_keep(kernel->state);
    arena_reset(&kernel->arena);
    gc_count(kernel);
}

void
crank_undo(struct kernel *kernel)
{
    kernel->unheld.count = 0;
    kernel->gc.collecting = 0;
    state_undo(kernel->state);
}

/* Beginning */

static void
release_one(struct kernel *kernel, struct kref kref)
{
    if (hold_remove(kernel->state, HOLD_HOST, counter_last(kernel->state, COUNTER_OPENING), kref))
        ref_drop(kernel, kref);
}

void
crank_release(struct kernel *kernel)
{
    if (kernel->releases.count == 0 || kernel->stopped != NULL)
        return;
    state_begin(kernel->state);
    for (size_t i = 0; i < kernel->releases.count; i++)
        release_one(kernel, kernel->releases.krefs[i]);
    kernel->releases.count = 0;
    refs_settle(kernel);
    gc_count(kernel);
    state_keep(kernel->state);
}

static int64_t
references_to(struct kernel *kernel, struct kref kref)
{
    if (kref_is_promise(kref))
        return promise_need(kernel->state, kref_number(kref))->refcount;
    return object_need(kernel->state, kref_number(kref))->reachable;
}

void
crank_release_left_over(struct kernel *kernel)
{
    size_t count;
    state_begin(kernel->state);
    struct hold_row *rows = hold_left_over(
        kernel->state, counter_last(kernel->state, COUNTER_OPENING), LEFT_OVER_BATCH, &count);
    for (size_t i = 0; i < count; i++) {
        struct kref kref = rows[i].kref;
        if (rows[i].count > references_to(kernel, kref)) {
            db_damaged(state_db(kernel->state), "hold", (int64_t)kref_number(kref));
            break;
        }
        while (hold_remove(kernel->state, HOLD_HOST, rows[i].opening, kref))
            ref_drop(kernel, kref);
    }
    free(rows);
    kernel->left_over = count == LEFT_OVER_BATCH;
    refs_settle(kernel);
    gc_count(kernel);
    state_keep(kernel->state);
}

/* While the queue waits, every other crank at the most. */
static bool
left_over_is_due(struct kernel *kernel, bool queue_waits)
{
    return kernel->left_over &&
           (!queue_waits || counter_last(kernel->state, COUNTER_CRANK) % 2 == 0);
}

/* The next vat without a transcript gets its heap back, as the next incarnation. */
static bool
begin_rebuild(struct kernel *kernel, double now)
{
    for (size_t i = 0; i < kernel->rebuild_count;) {
        struct vat_record *vat = vat_record_get(kernel->state, kernel->rebuild[i]);
        bool waits = vat != NULL && (vat->state == VAT_SUSPENDED || vat->state == VAT_FAILED);
        if (waits) {
            i++;
            continue;
        }
        crank_rebuilt(kernel, kernel->rebuild[i]);
        if (vat == NULL || vat->state != VAT_RUNNING)
            continue;
        state_begin(kernel->state);
        life_forget_heap(kernel, vat);
        kernel->rebuilds = true;
        return life_encode_start(kernel, vat, now);
    }
    return false;
}

void
crank_rebuilt(struct kernel *kernel, uint64_t vat)
{
    size_t at = 0;
    while (at < kernel->rebuild_count && kernel->rebuild[at] != vat)
        at++;
    if (at == kernel->rebuild_count)
        return;
    kernel->rebuild_count--;
    for (; at < kernel->rebuild_count; at++)
        kernel->rebuild[at] = kernel->rebuild[at + 1];
}

/* Dead cycles of promises go, in a crank of their own when there are any. */
static bool
collect_cycles(struct kernel *kernel, bool idle)
{
    if (!cycle_is_due(kernel, idle))
        return false;
    state_begin(kernel->state);
    bool any = cycle_collect(kernel);
    if (any)
        crank_keep(kernel);
    else
        crank_undo(kernel);
    return any;
}

/* A GC delivery, when one is due. */
static enum crank_step
collect(struct kernel *kernel, bool queue_waits, double now, struct crank *crank)
{
    if (!gc_is_due(kernel, queue_waits))
        return CRANK_IDLE;
    state_begin(kernel->state);
    if (!gc_begin(kernel, now)) {
        crank_undo(kernel);
        return CRANK_IDLE;
    }
    kernel->collects = true;
    *crank = (struct crank){kernel->vat, buf_view(&kernel->delivery), false};
    return CRANK_DELIVER;
}

/* Before a vat is upgraded it brings out its dead, in a crank of its own. */
static bool
begin_reap_before(struct kernel *kernel, const struct queue_item *item, double now)
{
    struct vat_record *vat = vat_record_get(kernel->state, item->vat);
    if (vat == NULL || vat->state != VAT_RUNNING || vat->since_reap == 0)
        return false;
    state_begin(kernel->state);
    gc_begin_reap(kernel, vat, now);
    kernel->collects = true;
    return true;
}

static enum crank_step
begin(struct kernel *kernel, double now, struct crank *crank)
{
    crank_release(kernel);
    kernel->rebuilds = kernel->collects = kernel->upgrades = false;
    if (!begin_rebuild(kernel, now)) {
        struct queue_item *item = queue_head(kernel->state);
        if (kernel_stopped(kernel) != NULL)
            return CRANK_STOPPED;
        if (left_over_is_due(kernel, item != NULL)) {
            crank_release_left_over(kernel);
            counter_next(kernel->state, COUNTER_CRANK);
            return CRANK_DONE;
        }
        if (collect_cycles(kernel, item == NULL))
            return CRANK_DONE;
        enum crank_step collected = collect(kernel, item != NULL, now, crank);
        if (collected == CRANK_IDLE && end_is_due(kernel, item != NULL) && end_clean_next(kernel))
            return CRANK_DONE;
        if (collected != CRANK_IDLE || item == NULL)
            return collected;
        if (item->kind == QUEUE_UPGRADE) {
            if (begin_reap_before(kernel, item, now)) {
                *crank = (struct crank){kernel->vat, buf_view(&kernel->delivery), false};
                return CRANK_DELIVER;
            }
            state_flush(kernel->state); /* the next incarnation's transcript begins a row */
        }
        state_begin(kernel->state);
        if (!route(kernel, item, now)) {
            crank_keep(kernel);
            return CRANK_DONE;
        }
    }
    *crank = (struct crank){kernel->vat, buf_view(&kernel->delivery), kernel->rebuilds};
    return kernel->upgrades ? CRANK_UPGRADE : CRANK_DELIVER;
}

enum crank_step
crank_begin(struct kernel *kernel, double now, struct crank *crank)
{
    if (kernel_stopped(kernel) != NULL)
        return CRANK_STOPPED;
    enum crank_step step = begin(kernel, now, crank);
    if (kernel_stopped(kernel) == NULL)
        return step;
    /* the store failed on the way: nothing of it may be delivered */
    if (state_in_crank(kernel->state))
        crank_undo(kernel);
    return CRANK_STOPPED;
}

/* Finishing */

void
crank_record(struct kernel *kernel, const struct outcome *outcome)
{
    struct vat_record *vat = vat_record_get(kernel->state, kernel->vat);
    vat_record_touch(kernel->state, vat);
    vat->deliveries++;
    if (kernel->kind == DELIVER_MESSAGE || kernel->kind == DELIVER_NOTIFY)
        gc_delivered(kernel, vat);
    if (!vat->settings.transcript)
        return;
    vat->position++;
    struct transcript_entry entry = {
        .delivery = buf_view(&kernel->delivery),
        .syscalls = outcome->syscalls,
        .changes = transcript_hash(outcome->changes),
    };
    transcript_append(kernel->state, vat->id, &entry);
}

bool
crank_stop_for(struct kernel *kernel, struct vat_record *vat, const char *reason)
{
    if (!vat->settings.critical)
        return false;
    struct buf text = {0};
    struct bytes name = blob_bytes(vat->name);
    buf_format(&text,
        "the critical vat \"%.*s\" ended: %s; all cranks before are committed; if opening it again "
        "ends the same way, suspend the vat and upgrade it",
        (int)name.size, (const char *)name.data, reason);
    crank_undo(kernel);
    kernel->stopped = memory_text(buf_string(&text));
    buf_free(&text);
    return true;
}

/* The item, which is at the queue's head again, goes the way of a vat that ends. */
static void
end_with(struct kernel *kernel, struct queue_item *item, struct vat_record *vat, const char *reason,
    const struct capdata *failure)
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
        route_drop(kernel, item);
    end_vat(kernel, vat, reason, false, value);
    blob_drop(value);
    crank_keep(kernel);
}

static void
suspend_with(struct kernel *kernel, struct queue_item *item, struct vat_record *vat)
{
    vat->state = VAT_SUSPENDED;
    if (item != NULL)
        queue_park_on_vat(kernel->state, item, vat);
    crank_keep(kernel);
}

/* A delivery ran over a limit, and the vat's policy is to go on without it. */
static void
reject_with(
    struct kernel *kernel, struct queue_item *item, struct vat_record *vat, const char *reason)
{
    if (item != NULL && item->kind == QUEUE_MESSAGE) {
        route_splat(kernel, item, "BudgetExceeded", reason);
        crank_keep(kernel);
    } else if (item != NULL && item->attempt == 0) {
        queue_touch(kernel->state, item);
        item->attempt = kernel->fault;
        crank_keep(kernel);
    } else {
        suspend_with(kernel, item, vat);
    }
}

/* What a start without a transcript came to when it failed. */
static void
fail_rebuild(struct kernel *kernel, const char *reason)
{
    uint64_t id = kernel->vat;
    crank_undo(kernel);
    state_begin(kernel->state);
    struct vat_record *vat = vat_record_get(kernel->state, id);
    vat_record_set_fault(kernel->state, vat, reason);
    vat->state = VAT_FAILED;
    crank_keep(kernel);
    /* it is tried again when it is resumed; the list had it before, so there is room */
    kernel->rebuild[kernel->rebuild_count++] = id;
}

enum ending { BY_LIMIT, BY_SYSCALL, BY_ITSELF };

/* The item that the undone crank had taken; NULL when it was the collector's. */
static struct queue_item *
undone_item(struct kernel *kernel)
{
    if (!kernel->collects)
        return queue_head(kernel->state);
    kernel->gc.found = false; /* the hints that it took are to be found again */
    return NULL;
}

/* Nothing of the delivery stays; what becomes of its item and its vat is decided here. */
static void
fail(struct kernel *kernel, enum ending ending, const char *reason)
{
    if (kernel->rebuilds) {
        fail_rebuild(kernel, reason);
        return;
    }
    uint64_t id = kernel->vat;
    crank_undo(kernel);
    state_begin(kernel->state);
    struct queue_item *item = undone_item(kernel);
    struct vat_record *vat = vat_record_get(kernel->state, id);
    vat_record_set_fault(kernel->state, vat, reason);
    enum fault_policy policy = ending == BY_LIMIT ? vat->settings.on_fault : ON_FAULT_TERMINATE;
    if (policy == ON_FAULT_TERMINATE)
        end_with(kernel, item, vat, reason, ending == BY_ITSELF ? &kernel->exit->value : NULL);
    else if (policy == ON_FAULT_SUSPEND)
        suspend_with(kernel, item, vat);
    else
        reject_with(kernel, item, vat, reason);
}

static const char *
illegal(struct kernel *kernel)
{
    struct buf text = {0};
    buf_format(&text, "illegal syscall: %s", buf_string(&kernel->reason));
    buf_clear(&kernel->reason);
    buf_append(&kernel->reason, text.data, text.size);
    buf_free(&text);
    return buf_string(&kernel->reason);
}

bool
crank_finish(struct kernel *kernel, const struct outcome *outcome)
{
    kernel->fault = outcome->fault;
    if (outcome->fault != VAT_OK) {
        fail(kernel, BY_LIMIT, outcome->reason == NULL ? "the vat broke" : outcome->reason);
        return false;
    }
    if (!syscalls_apply(kernel, outcome)) {
        fail(kernel, BY_SYSCALL, illegal(kernel));
        return false;
    }
    struct vat_record *vat = vat_record_get(kernel->state, kernel->vat);
    if (kernel->exit != NULL && kernel->exit->failure) {
        fail(kernel, BY_ITSELF, "the vat ended itself with a failure");
        return false;
    }
    crank_record(kernel, outcome);
    if (kernel->exit != NULL) {
        if (crank_stop_for(kernel, vat, "it ended itself"))
            return false;
        struct blob *value = translate_value_in(kernel, vat->id, &kernel->exit->value);
        if (value == NULL) {
            fail(kernel, BY_SYSCALL, illegal(kernel));
            return false;
        }
        end_vat(kernel, vat, "the vat ended itself", true, value);
        blob_drop(value);
    }
    crank_keep(kernel);
    return true;
}

void
crank_cannot_load(struct kernel *kernel, const char *reason)
{
    if (kernel->rebuilds) {
        fail_rebuild(kernel, reason);
        return;
    }
    uint64_t id = kernel->vat;
    crank_undo(kernel);
    state_begin(kernel->state);
    struct queue_item *item = undone_item(kernel);
    struct vat_record *vat = vat_record_get(kernel->state, id);
    vat_record_set_fault(kernel->state, vat, reason);
    vat->state = VAT_FAILED;
    if (item != NULL)
        queue_park_on_vat(kernel->state, item, vat);
    crank_keep(kernel);
}

void
crank_lost_heap(struct kernel *kernel)
{
    uint64_t id = kernel->vat;
    crank_undo(kernel);
    undone_item(kernel);
    kernel->rebuild =
        memory_resize(kernel->rebuild, (kernel->rebuild_count + 1) * sizeof *kernel->rebuild);
    kernel->rebuild[kernel->rebuild_count++] = id;
}
