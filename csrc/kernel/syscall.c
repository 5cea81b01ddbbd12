#include "kernel/syscall.h"

#include "base/read.h"
#include "kernel/crank.h"
#include "kernel/garbage/gc.h"
#include "kernel/internal.h"
#include "kernel/item.h"
#include "kernel/refs.h"
#include "kernel/settle.h"
#include "kernel/translate.h"
#include "state/clist.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/vatstore.h"

#include <assert.h>

static bool
refuse(struct kernel *kernel, struct vref vref, const char *why)
{
    char text[REF_TEXT_MAX];
    buf_clear(&kernel->reason);
    buf_format(&kernel->reason, "%s %s", vref_print(vref, text), why);
    return false;
}

/* The promise that a new vref stands for: the result of a message, which nobody decides yet. */
static const struct promise *
new_result(struct kernel *kernel, struct vref vref)
{
    if (!vref_is_promise(vref) || vref_is_import(vref) ||
        clist_by_vref(kernel->state, kernel->vat, vref) != NULL) {
        refuse(kernel, vref, "cannot be a result: it is no new promise");
        return NULL;
    }
    struct slot slot = {.vref = vref};
    struct kref kref = translate_in(kernel, kernel->vat, &slot);
    const struct promise *promise = promise_need(kernel->state, kref_number(kref));
    assert(promise->decider == kernel->vat && promise->state == PROMISE_UNRESOLVED);
    promise_edit(kernel->state, promise)->decider = DECIDER_NONE;
    return promise;
}

static bool
apply_send(struct kernel *kernel, const struct syscall *syscall)
{
    struct slot slot = {.vref = syscall->target};
    struct kref target = translate_in(kernel, kernel->vat, &slot);
    if (kref_is_none(target))
        return false;
    struct blob *value = translate_value_in(kernel, kernel->vat, &syscall->value);
    if (value == NULL)
        return false;
    struct kref result = KREF_NONE;
    if (!vref_is_none(syscall->result)) {
        const struct promise *promise = new_result(kernel, syscall->result);
        if (promise == NULL) {
            blob_drop(value);
            return false;
        }
        result = kref_promise(promise->id);
    }
    item_push(kernel, &(struct new_item){.kind = QUEUE_MESSAGE,
                          .target = target,
                          .result = result,
                          .vat = kernel->vat,
                          .method = syscall->method,
                          .value = value});
    blob_drop(value);
    return true;
}

/* A promise that the vat knows; NULL, and a reason, when it is none. */
static const struct promise *
known_promise(struct kernel *kernel, struct vref vref)
{
    struct slot slot = {.vref = vref};
    struct kref kref = vref_is_promise(vref) ? translate_in(kernel, kernel->vat, &slot) : KREF_NONE;
    if (!vref_is_promise(vref))
        refuse(kernel, vref, "is no promise");
    return kref_is_none(kref) ? NULL : promise_need(kernel->state, kref_number(kref));
}

static bool
apply_subscribe(struct kernel *kernel, const struct syscall *syscall)
{
    const struct promise *promise = known_promise(kernel, syscall->target);
    if (promise == NULL)
        return false;
    if (promise->state == PROMISE_UNRESOLVED)
        promise_subscribe(kernel->state, promise, kernel->vat);
    else
        settle_notify(kernel, promise, kernel->vat);
    return true;
}

static bool
apply_settlement(struct kernel *kernel, const struct settlement *settlement)
{
    const struct promise *promise = known_promise(kernel, settlement->promise);
    if (promise == NULL)
        return false;
    if (promise->state != PROMISE_UNRESOLVED)
        return refuse(kernel, settlement->promise, "has settled already");
    if (promise->decider != kernel->vat)
        return refuse(kernel, settlement->promise, "is not for this vat to settle");
    if (settlement->state == SETTLE_FOLLOW) {
        const struct promise *target = known_promise(kernel, settlement->follow);
        if (target == NULL)
            return false;
        settle_follow(kernel, promise, target);
        return true;
    }
    struct blob *value = translate_value_in(kernel, kernel->vat, &settlement->value);
    if (value == NULL)
        return false;
    settle(kernel, promise,
        settlement->state == SETTLE_FULFILLED ? PROMISE_FULFILLED : PROMISE_REJECTED, value);
    blob_drop(value);
    return true;
}

/* Retired together, after all have settled: their values may name each other. */
static bool
apply_resolve(struct kernel *kernel, const struct syscall *syscall)
{
    for (size_t i = 0; i < syscall->settlement_count; i++) {
        if (!apply_settlement(kernel, &syscall->settlements[i]))
            return false;
    }
    for (size_t i = 0; i < syscall->settlement_count; i++) {
        struct vref vref = syscall->settlements[i].promise;
        const struct clist_entry *entry = clist_by_vref(kernel->state, kernel->vat, vref);
        /* of one that follows another now, the vat knows what it subscribed to */
        promise_unsubscribe(
            kernel->state, promise_need(kernel->state, kref_number(entry->kref)), kernel->vat);
        translate_retire(kernel, entry);
        assert(clist_by_vref(kernel->state, kernel->vat, vref) == NULL);
    }
    return true;
}

/* The garbage collector's syscalls */

static bool
drop_import(struct kernel *kernel, const struct clist_entry *entry)
{
    if (!entry->reachable)
        return refuse(kernel, entry->vref, "was dropped by this vat already");
    assert(vref_is_import(entry->vref) && entry->reachable);
    clist_set_reachable(kernel->state, entry, false);
    const struct object *object = object_need(kernel->state, kref_number(entry->kref));
    object_edit(kernel->state, object)->reachable--;
    refs_lost(kernel, entry->kref);
    return true;
}

static bool
give_up_export(struct kernel *kernel, const struct clist_entry *entry, bool abandon)
{
    if (entry->reachable && !abandon)
        return refuse(kernel, entry->vref, "is still in use elsewhere");
    const struct object *object = object_need(kernel->state, kref_number(entry->kref));
    object_edit(kernel->state, object)->owner = 0;
    assert(!vref_is_import(entry->vref) && !vref_equal(entry->vref, VREF_ROOT));
    translate_retire(kernel, entry);
    return true;
}

static bool
apply_collection(struct kernel *kernel, enum syscall_kind kind, struct vref vref)
{
    const struct clist_entry *entry = clist_by_vref(kernel->state, kernel->vat, vref);
    bool of_imports = kind == SYSCALL_DROP_IMPORTS || kind == SYSCALL_RETIRE_IMPORTS;
    if (entry == NULL || vref_is_promise(vref) || vref_is_import(vref) != of_imports)
        return refuse(kernel, vref, "is not this vat's to give up");
    if (kind == SYSCALL_DROP_IMPORTS)
        return drop_import(kernel, entry);
    if (vref_equal(vref, VREF_ROOT))
        return refuse(kernel, vref, "is the root, which lives as long as its vat");
    if (!of_imports)
        return give_up_export(kernel, entry, kind == SYSCALL_ABANDON_EXPORTS);
    if (entry->reachable)
        return refuse(kernel, vref, "is retired while it is reachable");
    translate_retire(kernel, entry);
    return true;
}

static bool
apply(struct kernel *kernel, const struct syscall *syscall)
{
    switch (syscall->kind) {
    case SYSCALL_SEND:
        return apply_send(kernel, syscall);
    case SYSCALL_SUBSCRIBE:
        return apply_subscribe(kernel, syscall);
    case SYSCALL_RESOLVE:
        return apply_resolve(kernel, syscall);
    case SYSCALL_EXIT:
        kernel->exit = syscall;
        return true;
    case SYSCALL_DROP_IMPORTS:
        if (syscall->ref_count >= REAP_REPORT_MAX)
            gc_reap(kernel, kernel->vat);
        /* fall through */
    case SYSCALL_RETIRE_IMPORTS:
    case SYSCALL_RETIRE_EXPORTS:
    case SYSCALL_ABANDON_EXPORTS:
        for (size_t i = 0; i < syscall->ref_count; i++) {
            if (!apply_collection(kernel, syscall->kind, syscall->refs[i]))
                return false;
        }
        return true;
    }
    return false;
}

static bool
apply_changes(struct kernel *kernel, struct bytes changes)
{
    struct reader reader = reader_of(changes);
    struct change change;
    while (change_decode(&reader, &change))
        vatstore_apply(kernel->state, kernel->vat, &change);
    return !reader.bad;
}

bool
syscall_apply_all(struct kernel *kernel, const struct outcome *outcome)
{
    const struct syscall *syscalls;
    size_t count;
    assert(crank_is_open(kernel) && kernel->vat != 0 && outcome->fault == VAT_OK);
    kernel->exit = NULL;
    buf_clear(&kernel->reason);
    if (!syscalls_decode(outcome->syscalls, &kernel->arena, &syscalls, &count)) {
        buf_text(&kernel->reason, "a malformed outcome");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        kernel->syscall = i + 1;
        if (!apply(kernel, &syscalls[i])) {
            assert(kernel->reason.size > 0);
            buf_format(&kernel->reason, " (in its syscall %zu, %s)", i + 1,
                syscall_name(syscalls[i].kind));
            return false;
        }
    }
    kernel->syscall = 0;
    if (kernel->exit != NULL && kernel->exit->failure)
        return true;
    if (!apply_changes(kernel, outcome->changes)) {
        buf_text(&kernel->reason, "a malformed list of changes");
        return false;
    }
    return true;
}
