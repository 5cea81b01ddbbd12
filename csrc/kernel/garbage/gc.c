#include "kernel/garbage/gc.h"

#include "base/numbers.h"
#include "kernel/crank.h"
#include "kernel/handles.h"
#include "kernel/internal.h"
#include "kernel/krefs.h"
#include "kernel/translate.h"
#include "state/clist.h"
#include "state/object.h"
#include "state/state.h"
#include "state/vat_record.h"

#include <assert.h>

#define BATCH_MAX 1000 /* references in one GC delivery */

enum gc_kind {
    GC_DROP_EXPORTS,
    GC_DROP_CYCLE, /* drop_exports of what only a dead cycle reaches */
    GC_RETIRE_EXPORTS,
    GC_RETIRE_IMPORTS,
};

struct gc_group {
    uint64_t vat;
    enum gc_kind kind;
    struct kref_list krefs;
};

/* Hints */

static struct gc_group *
group_of(struct kernel *kernel, uint64_t vat, enum gc_kind kind)
{
    struct gc_groups *groups = &kernel->gc.groups;
    size_t at = 0;
    while (
        at < groups->count && (groups->items[at].vat < vat ||
                                  (groups->items[at].vat == vat && groups->items[at].kind < kind)))
        at++;
    if (at < groups->count && groups->items[at].vat == vat && groups->items[at].kind == kind)
        return &groups->items[at];
    struct gc_group group = {.vat = vat, .kind = kind};
    list_push(groups, group);
    for (size_t i = groups->count - 1; i > at; i--)
        groups->items[i] = groups->items[i - 1];
    groups->items[at] = group;
    assert(at == 0 || groups->items[at - 1].vat <= vat);
    assert(at + 1 == groups->count || groups->items[at + 1].vat >= vat);
    return &groups->items[at];
}

static void
hint(struct kernel *kernel, uint64_t vat, enum gc_kind kind, struct kref kref)
{
    assert(!kref_is_promise(kref));
    list_push(&group_of(kernel, vat, kind)->krefs, kref);
}

static void
remove_group(struct gc_groups *groups, size_t at)
{
    assert(at < groups->count);
    list_free(&groups->items[at].krefs);
    groups->count--;
    for (; at < groups->count; at++)
        groups->items[at] = groups->items[at + 1];
}

static void
free_hints(void *part)
{
    struct gc *gc = part;
    while (gc->groups.count > 0)
        remove_group(&gc->groups, gc->groups.count - 1);
    list_free(&gc->groups);
    list_free(&gc->reaps);
}

static void
trim(void *part)
{
    const struct gc *gc = part;
    if (gc->groups.count == 0 && gc->reaps.count == 0)
        free_hints(part);
}

static size_t
memory(const void *part, size_t item_size)
{
    const struct gc *gc = part;
    (void)item_size;
    size_t size = list_memory(&gc->groups) + list_memory(&gc->reaps);
    for (size_t i = 0; i < gc->groups.count; i++)
        size += list_memory(&gc->groups.items[i].krefs);
    return size;
}

const struct part_kind gc_part = {memory, trim, free_hints};

static const struct vat_record *
living_owner(struct kernel *kernel, const struct object *object)
{
    const struct vat_record *owner =
        object->owner == 0 ? NULL : vat_record_get(kernel->state, object->owner);
    return owner == NULL || owner->state == VAT_TERMINATED ? NULL : owner;
}

void
gc_unreached(struct kernel *kernel, const struct object *object)
{
    assert(object->reachable <= 0);
    struct kref kref = kref_object(object->id);
    if (living_owner(kernel, object) != NULL) {
        const struct clist_entry *entry = clist_by_kref(kernel->state, object->owner, kref);
        if (entry == NULL || vref_equal(entry->vref, VREF_ROOT))
            return; /* a root lives as long as its vat */
        if (entry->reachable)
            hint(kernel, object->owner, GC_DROP_EXPORTS, kref);
        if (object->recognizable == 0)
            hint(kernel, object->owner, GC_RETIRE_EXPORTS, kref);
        return;
    }
    for (const struct clist_entry *entry = object->first; entry != NULL; entry = entry->next)
        hint(kernel, entry->vat, GC_RETIRE_IMPORTS, kref);
}

void
gc_drop_cycle(struct kernel *kernel, uint64_t owner, struct kref kref)
{
    hint(kernel, owner, GC_DROP_CYCLE, kref);
}

/* Finds the hints of the process before again. */
static void
find_hints(struct kernel *kernel)
{
    assert(kernel->gc.found);
    state_flush(kernel->state);
    struct number_list ids = {0};
    object_unreached(kernel->state, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        const struct object *object = object_get(kernel->state, ids.items[i]);
        if (object != NULL && object->reachable == 0)
            gc_unreached(kernel, object);
    }
    list_free(&ids);
}

/* Reaping */

void
gc_reap(struct kernel *kernel, uint64_t vat)
{
    numbers_add(&kernel->gc.reaps, vat);
}

void
gc_delivered(struct kernel *kernel, const struct vat_record *vat)
{
    vat_record_edit(kernel->state, vat)->since_reap++;
    assert(crank_is_open(kernel) && vat->state == VAT_RUNNING);
    int64_t interval = vat->settings.reap_interval;
    if (interval > 0 && vat->since_reap >= interval)
        numbers_add(&kernel->gc.reaps, vat->id);
}

/* The vats that the statement lists; how many were not to reap already. */
static size_t
add_reaps(struct kernel *kernel, enum statement statement)
{
    size_t added = 0;
    struct number_list vats = {0};
    vat_record_list(kernel->state, statement, &vats);
    for (size_t i = 0; i < vats.count; i++)
        added += numbers_add(&kernel->gc.reaps, vats.items[i]);
    list_free(&vats);
    return added;
}

size_t
kernel_reap_all(struct kernel *kernel)
{
    handles_release(kernel);
    state_flush(kernel->state);
    return add_reaps(kernel, STATEMENT_VATS_DELIVERED);
}

uint64_t
kernel_collected(const struct kernel *kernel)
{
    return kernel->gc.collected;
}

void
gc_lost_hints(struct kernel *kernel)
{
    kernel->gc.found = false;
}

void
gc_collect(struct kernel *kernel)
{
    assert(crank_is_open(kernel));
    kernel->gc.collecting++;
}

void
gc_count(struct kernel *kernel)
{
    kernel->gc.collected += kernel->gc.collecting;
    kernel->gc.collecting = 0;
}

/* Deliveries */

static void
deliver(struct kernel *kernel, uint64_t vat, enum delivery_kind kind, double now,
    const struct vref *refs, size_t count)
{
    struct delivery delivery = {.kind = kind, .now = now, .refs = refs, .ref_count = count};
    crank_deliver(kernel, vat, &delivery);
}

/* Whether imports alone reach the object. */
static bool
only_imported(const struct object *object)
{
    int64_t importers = 0;
    for (const struct clist_entry *at = object->first; at != NULL; at = at->next)
        importers += vref_is_import(at->vref) && at->reachable;
    return importers == object->reachable;
}

/* What is still true of a hint: the entry that it concerns, or NULL. */
static const struct clist_entry *
check(struct kernel *kernel, uint64_t vat, enum gc_kind kind, struct kref kref)
{
    const struct object *object = object_get(kernel->state, kref_number(kref));
    const struct clist_entry *entry =
        object == NULL ? NULL : clist_by_kref(kernel->state, vat, kref);
    if (entry == NULL || (object->reachable > 0 && kind != GC_DROP_CYCLE))
        return NULL;
    bool owned = object->owner == vat && living_owner(kernel, object) != NULL;
    switch (kind) {
    case GC_DROP_CYCLE:
        return owned && entry->reachable && only_imported(object) ? entry : NULL;
    case GC_DROP_EXPORTS:
        return owned && entry->reachable ? entry : NULL;
    case GC_RETIRE_EXPORTS:
        return owned && object->recognizable == 0 ? entry : NULL;
    case GC_RETIRE_IMPORTS:
        return living_owner(kernel, object) == NULL && vref_is_import(entry->vref) ? entry : NULL;
    }
    return NULL;
}

static void
carry_out(struct kernel *kernel, enum gc_kind kind, const struct clist_entry *entry)
{
    const struct object *object = object_need(kernel->state, kref_number(entry->kref));
    if (kind == GC_DROP_EXPORTS || kind == GC_DROP_CYCLE) {
        assert(entry->reachable);
        clist_set_reachable(kernel->state, entry, false);
    } else if (kind == GC_RETIRE_EXPORTS) {
        assert(object->recognizable == 0);
        clist_remove(kernel->state, entry);
        object_delete(kernel->state, object);
        gc_collect(kernel);
    } else {
        translate_retire(kernel, entry);
    }
}

/* Takes up to a batch of true hints out of the group, and carries them out. */
static size_t
take_batch(struct kernel *kernel, struct gc_group *group, struct vref *refs)
{
    struct kref_list *list = &group->krefs;
    krefs_sort(list, 0);
    size_t taken = 0;
    size_t count = 0;
    while (taken < list->count && count < BATCH_MAX) {
        struct kref kref = list->items[taken++];
        const struct clist_entry *entry = check(kernel, group->vat, group->kind, kref);
        if (entry == NULL)
            continue;
        refs[count++] = entry->vref;
        carry_out(kernel, group->kind, entry);
    }
    assert(count <= taken && count <= BATCH_MAX);
    list->count -= taken;
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = list->items[taken + i];
    return count;
}

/* The group's delivery, when any of its hints is true still; else the group goes. */
static bool
begin_group(struct kernel *kernel, size_t at, const struct vat_record *vat, double now)
{
    static const enum delivery_kind kinds[] = {
        DELIVER_DROP_EXPORTS, DELIVER_DROP_EXPORTS, DELIVER_RETIRE_EXPORTS, DELIVER_RETIRE_IMPORTS};
    struct gc *gc = &kernel->gc;
    struct gc_group *group = &gc->groups.items[at];
    enum gc_kind kind = group->kind;
    struct vref *refs = arena_take(&kernel->arena, BATCH_MAX * sizeof *refs);
    size_t count =
        vat == NULL || vat->state == VAT_TERMINATED ? 0 : take_batch(kernel, group, refs);
    if (count == 0 || group->krefs.count == 0)
        remove_group(&gc->groups, at);
    if (count == 0)
        return false;
    gc_delivered(kernel, vat);
    if (kind == GC_DROP_CYCLE && vat->settings.reap_interval > 0)
        numbers_add(&gc->reaps, vat->id); /* it may never have another delivery */
    deliver(kernel, vat->id, kinds[kind], now, refs, count);
    return true;
}

static bool
begin_action(struct kernel *kernel, double now)
{
    struct gc_groups *groups = &kernel->gc.groups;
    for (size_t i = 0; i < groups->count;) {
        const struct vat_record *vat = vat_record_get(kernel->state, groups->items[i].vat);
        if (vat != NULL && (vat->state == VAT_SUSPENDED || vat->state == VAT_FAILED))
            i++; /* its hints wait with it */
        else if (begin_group(kernel, i, vat, now))
            return true;
    }
    return false;
}

void
gc_begin_reap(struct kernel *kernel, const struct vat_record *vat, double now)
{
    vat_record_edit(kernel->state, vat)->since_reap = 0;
    assert(kernel->cause == CAUSE_COLLECTOR || kernel->cause == CAUSE_REAP);
    deliver(kernel, vat->id, DELIVER_BRING_OUT_YOUR_DEAD, now, NULL, 0);
}

static bool
begin_reap(struct kernel *kernel, double now)
{
    struct gc *gc = &kernel->gc;
    while (gc->reaps.count > 0) {
        uint64_t id = gc->reaps.items[0];
        numbers_remove(&gc->reaps, id);
        const struct vat_record *vat = vat_record_get(kernel->state, id);
        if (vat == NULL || vat->state != VAT_RUNNING)
            continue;
        gc_begin_reap(kernel, vat, now);
        return true;
    }
    return false;
}

bool
gc_is_due(struct kernel *kernel)
{
    assert(!crank_is_open(kernel));
    struct gc *gc = &kernel->gc;
    if (!gc->found) {
        gc->found = true;
        find_hints(kernel);
        add_reaps(kernel, STATEMENT_VATS_TO_REAP);
    }
    return gc->groups.count > 0 || gc->reaps.count > 0;
}

bool
gc_begin(struct kernel *kernel, double now)
{
    assert(kernel->cause == CAUSE_COLLECTOR && kernel->vat == 0);
    return begin_action(kernel, now) || begin_reap(kernel, now);
}
