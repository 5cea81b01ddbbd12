#include "kernel/crank.h"

#include "base/memory.h"
#include "kernel/garbage/gc.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "kernel/lives/end.h"
#include "kernel/refs.h"
#include "kernel/schedule.h"
#include "kernel/syscall.h"
#include "kernel/translate.h"
#include "kernel/verdict.h"
#include "state/counter.h"
#include "state/state.h"
#include "state/transcript.h"
#include "state/vat_record.h"

#include <assert.h>

/* Opening and closing */

static bool
counts(enum crank_cause cause)
{
    return cause != CAUSE_HANDLE && cause != CAUSE_LEFT_OVER;
}

static bool
is_the_queues(enum crank_cause cause)
{
    return cause == CAUSE_MESSAGE || cause == CAUSE_NOTIFY || cause == CAUSE_UPGRADE ||
           cause == CAUSE_REAP;
}

/* The bit of COUNTER_TURN for a cause that has at most one crank between two of the queue's. */
static uint64_t
turn_of(enum crank_cause cause)
{
    switch (cause) {
    case CAUSE_COLLECTOR:
        return 1;
    case CAUSE_CLEAN_UP:
        return 2;
    case CAUSE_LEFT_OVER:
        return 4;
    default:
        return 0;
    }
}

/* The end of a vat has the first part of its clean-up with it. */
static void
take_turn(struct kernel *kernel)
{
    uint64_t before = counter_last(kernel->state, COUNTER_TURN);
    uint64_t turn = is_the_queues(kernel->cause) ? 0 : before | turn_of(kernel->cause);
    if (kernel->ended)
        turn |= turn_of(CAUSE_CLEAN_UP);
    if (turn != before)
        counter_set(kernel->state, COUNTER_TURN, turn);
}

bool
crank_had_turn(const struct kernel *kernel, enum crank_cause cause)
{
    assert(turn_of(cause) != 0);
    return (counter_last(kernel->state, COUNTER_TURN) & turn_of(cause)) != 0;
}

bool
crank_is_open(const struct kernel *kernel)
{
    assert((kernel->cause != CAUSE_NONE) == state_in_crank(kernel->state));
    return kernel->cause != CAUSE_NONE;
}

uint64_t
crank_number(const struct kernel *kernel)
{
    assert(crank_is_open(kernel));
    return counter_last(kernel->state, COUNTER_CRANK) + 1;
}

void
crank_open(struct kernel *kernel, enum crank_cause cause)
{
    assert(!crank_is_open(kernel) && cause != CAUSE_NONE);
    assert(kernel->unheld.count == 0);
    state_begin(kernel->state);
    kernel->cause = cause;
    kernel->item = kernel->vat = 0;
    kernel->syscall = 0;
    kernel->ended = false;
    handles_join(kernel);
}

static void
keep(struct kernel *kernel)
{
    refs_settle(kernel);
    take_turn(kernel);
    if (counts(kernel->cause))
        counter_next(kernel->state, COUNTER_CRANK);
    state_keep(kernel->state);
    handles_joined(kernel);
    arena_reset(&kernel->arena);
    gc_count(kernel);
}

static void
undo(struct kernel *kernel)
{
    kernel->unheld.count = 0;
    kernel->joined = 0;
    kernel->gc.collecting = 0;
    state_undo(kernel->state);
}

void
crank_close(struct kernel *kernel, enum crank_end end)
{
    assert(crank_is_open(kernel));
    if (end == CRANK_KEEP)
        keep(kernel);
    else
        undo(kernel);
    kernel->cause = CAUSE_NONE;
    assert(kernel->unheld.count == 0 && kernel->joined == 0 && kernel->gc.collecting == 0);
    assert(!crank_is_open(kernel));
}

const struct vat_record *
crank_again(struct kernel *kernel)
{
    enum crank_cause cause = kernel->cause;
    uint64_t item = kernel->item;
    uint64_t vat = kernel->vat;
    assert(vat != 0);
    crank_close(kernel, CRANK_UNDO);
    crank_open(kernel, cause);
    kernel->item = item;
    kernel->vat = vat;
    return vat_record_get(kernel->state, vat);
}

/* The delivery */

#ifndef NDEBUG
static bool
may_deliver(enum crank_cause cause, enum delivery_kind kind)
{
    switch (kind) {
    case DELIVER_MESSAGE:
        return cause == CAUSE_MESSAGE;
    case DELIVER_NOTIFY:
        return cause == CAUSE_NOTIFY;
    case DELIVER_START_VAT:
        return cause == CAUSE_START || cause == CAUSE_UPGRADE || cause == CAUSE_RENEWAL ||
               cause == CAUSE_REBUILD;
    case DELIVER_BRING_OUT_YOUR_DEAD:
        return cause == CAUSE_COLLECTOR || cause == CAUSE_REAP;
    case DELIVER_DROP_EXPORTS:
    case DELIVER_RETIRE_EXPORTS:
    case DELIVER_RETIRE_IMPORTS:
        return cause == CAUSE_COLLECTOR;
    }
    return false;
}
#endif

void
crank_deliver(struct kernel *kernel, uint64_t vat, const struct delivery *delivery)
{
    assert(crank_is_open(kernel) && may_deliver(kernel->cause, delivery->kind));
    assert(kernel->vat == 0 || kernel->cause == CAUSE_START); /* one, but for a launch */
    assert(vat_record_get(kernel->state, vat)->state == VAT_RUNNING);
    kernel->vat = vat;
    kernel->kind = delivery->kind;
    buf_clear(&kernel->delivery);
    delivery_encode(&kernel->delivery, delivery);
}

enum crank_step
crank_begin(struct kernel *kernel, double now, struct crank *crank)
{
    if (kernel_stopped(kernel) != NULL)
        return CRANK_STOPPED;
    enum crank_step step = schedule_next(kernel, now);
    if (kernel_stopped(kernel) != NULL) {
        /* the store failed on the way: nothing of it may be delivered */
        if (crank_is_open(kernel))
            crank_close(kernel, CRANK_UNDO);
        return CRANK_STOPPED;
    }
    *crank =
        (struct crank){kernel->vat, buf_view(&kernel->delivery), kernel->cause == CAUSE_REBUILD};
    return step;
}

/* Finishing */

void
crank_record(struct kernel *kernel, const struct outcome *outcome)
{
    struct vat_record *vat =
        vat_record_edit(kernel->state, vat_record_get(kernel->state, kernel->vat));
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
crank_stop_for(struct kernel *kernel, const struct vat_record *vat, const char *reason)
{
    assert(crank_is_open(kernel));
    if (!vat->settings.critical)
        return false;
    struct buf text = {0};
    struct bytes name = blob_bytes(vat->name);
    buf_format(&text,
        "the critical vat \"%.*s\" ended: %s; all cranks before are committed; if opening it again "
        "ends the same way, suspend the vat and upgrade it",
        (int)name.size, (const char *)name.data, reason);
    crank_close(kernel, CRANK_UNDO);
    kernel->stopped = memory_text(buf_string(&text));
    buf_free(&text);
    return true;
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

/* The vat ended itself, with a value. False: that is not to be, and the crank is over. */
static bool
end_well(struct kernel *kernel)
{
    const struct vat_record *vat = vat_record_get(kernel->state, kernel->vat);
    if (crank_stop_for(kernel, vat, "it ended itself"))
        return false;
    struct blob *value = translate_value_in(kernel, vat->id, &kernel->exit->value);
    if (value == NULL) {
        verdict_carry_out(kernel, VERDICT_ILLEGAL, illegal(kernel));
        return false;
    }
    end_vat(kernel, vat, "the vat ended itself", true, value);
    blob_drop(value);
    return true;
}

bool
crank_finish(struct kernel *kernel, const struct outcome *outcome)
{
    assert(crank_is_open(kernel) && kernel->vat != 0 && kernel->cause != CAUSE_UPGRADE);
    kernel->fault = outcome->fault;
    if (outcome->fault != VAT_OK) {
        verdict_carry_out(
            kernel, VERDICT_LIMIT, outcome->reason == NULL ? "the vat broke" : outcome->reason);
        return false;
    }
    if (!syscall_apply_all(kernel, outcome)) {
        verdict_carry_out(kernel, VERDICT_ILLEGAL, illegal(kernel));
        return false;
    }
    if (kernel->exit != NULL && kernel->exit->failure) {
        verdict_carry_out(kernel, VERDICT_EXIT, "the vat ended itself with a failure");
        return false;
    }
    crank_record(kernel, outcome);
    if (kernel->exit != NULL && !end_well(kernel))
        return false;
    crank_close(kernel, CRANK_KEEP);
    return true;
}

void
crank_cannot_load(struct kernel *kernel, const char *reason)
{
    verdict_carry_out(kernel, VERDICT_LOST, reason);
}

void
crank_lost_heap(struct kernel *kernel)
{
    uint64_t vat = kernel->vat;
    assert(vat != 0 && kernel->cause != CAUSE_REBUILD);
    bool took_hints = kernel->item == 0;
    crank_close(kernel, CRANK_UNDO);
    if (took_hints)
        gc_lost_hints(kernel);
    schedule_rebuild(kernel, vat);
}
