#include "kernel/translate.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/refs.h"
#include "state/clist.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/vat_record.h"

#include <assert.h>

/* So many new imports count as one more delivery since the vat brought out its dead: one that is
   given thousands in each message must not hold on to hundreds of thousands. */
#define IMPORTS_PER_DELIVERY 10

/* Out: krefs to vrefs */

static struct vref
new_import(struct kernel *kernel, uint64_t vat, struct kref kref)
{
    struct vat_record *record = vat_record_edit(kernel->state, vat_record_get(kernel->state, vat));
    if (kref_is_promise(kref))
        return vref_import(REF_PROMISE, record->next_promise++);
    if (record->next_object % IMPORTS_PER_DELIVERY == 0)
        record->since_reap++;
    return vref_import(REF_OBJECT, record->next_object++);
}

struct vref
translate_out(struct kernel *kernel, uint64_t vat, struct kref kref)
{
    struct state *state = kernel->state;
    assert(crank_is_open(kernel) && vat != 0);
    const struct clist_entry *entry = clist_by_kref(state, vat, kref);
    if (entry == NULL) {
        entry = clist_add(state, vat, new_import(kernel, vat, kref), kref);
        refs_hold(kernel, kref);
    } else if (!entry->reachable) {
        clist_set_reachable(state, entry, true);
        if (vref_is_import(entry->vref)) {
            const struct object *object = object_need(state, kref_number(kref));
            object_edit(state, object)->reachable++;
        }
    }
    assert(entry->vat == vat && entry->reachable && kref_equal(entry->kref, kref));
    return entry->vref;
}

struct capdata
translate_value_out(struct kernel *kernel, uint64_t vat, const struct blob *value)
{
    struct slot *slots = arena_take(&kernel->arena, value->slot_count * sizeof *slots);
    for (size_t i = 0; i < value->slot_count; i++)
        slots[i].vref = translate_out(kernel, vat, value->slots[i]);
    return (struct capdata){blob_bytes(value), slots, value->slot_count};
}

/* In: vrefs to krefs */

static struct kref
refuse(struct kernel *kernel, struct vref vref, const char *why)
{
    char text[REF_TEXT_MAX];
    buf_clear(&kernel->reason);
    buf_format(&kernel->reason, "%s %s", vref_print(vref, text), why);
    return KREF_NONE;
}

static void
raise_mark(struct kernel *kernel, uint64_t vat, struct vref vref)
{
    const struct vat_record *record = vat_record_get(kernel->state, vat);
    bool promise = vref_is_promise(vref);
    uint64_t mark = promise ? record->promise_mark : record->object_mark;
    if (vref_kind(vref) == REF_DURABLE || vref_number(vref) <= mark)
        return;
    struct vat_record *edit = vat_record_edit(kernel->state, record);
    *(promise ? &edit->promise_mark : &edit->object_mark) = vref_number(vref);
}

static struct kref
new_export(struct kernel *kernel, uint64_t vat, const struct slot *slot)
{
    assert(!vref_is_import(slot->vref));
    struct state *state = kernel->state;
    struct kref kref;
    if (vref_is_promise(slot->vref)) {
        struct promise *promise = promise_create(state, vat);
        promise->refcount = 1; /* the entry below */
        kref = kref_promise(promise->id);
    } else {
        kref = kref_object(object_create(state, vat, slot->interface)->id);
    }
    clist_add(state, vat, slot->vref, kref);
    raise_mark(kernel, vat, slot->vref);
    return kref;
}

static void
name_interface(struct kernel *kernel, struct kref kref, struct bytes interface)
{
    const struct object *object = object_need(kernel->state, kref_number(kref));
    if (object->interface->size > 0)
        return;
    struct object *edit = object_edit(kernel->state, object);
    blob_drop(edit->interface);
    edit->interface = blob_new(interface, NULL, 0);
}

struct kref
translate_in(struct kernel *kernel, uint64_t vat, const struct slot *slot)
{
    assert(crank_is_open(kernel) && vat != 0);
    const struct clist_entry *entry = clist_by_vref(kernel->state, vat, slot->vref);
    if (entry == NULL && vref_is_import(slot->vref))
        return refuse(kernel, slot->vref, "is nothing that this vat was given");
    if (entry == NULL)
        return new_export(kernel, vat, slot);
    if (!entry->reachable) {
        if (vref_is_import(slot->vref))
            return refuse(kernel, slot->vref, "was dropped by this vat");
        clist_set_reachable(kernel->state, entry, true);
    }
    if (slot->interface.size > 0 && !vref_is_promise(slot->vref) && !vref_is_import(slot->vref))
        name_interface(kernel, entry->kref, slot->interface);
    assert(entry->vat == vat && entry->reachable && vref_equal(entry->vref, slot->vref));
    return entry->kref;
}

struct blob *
translate_value_in(struct kernel *kernel, uint64_t vat, const struct capdata *value)
{
    struct kref *krefs = arena_take(&kernel->arena, value->slot_count * sizeof *krefs);
    for (size_t i = 0; i < value->slot_count; i++) {
        krefs[i] = translate_in(kernel, vat, &value->slots[i]);
        if (kref_is_none(krefs[i])) {
            assert(kernel->reason.size > 0);
            return NULL;
        }
    }
    return blob_new(value->body, krefs, value->slot_count);
}

/* Retiring */

void
translate_retire(struct kernel *kernel, const struct clist_entry *entry)
{
    assert(crank_is_open(kernel) && !entry->row.dead);
    struct kref kref = entry->kref;
    bool import = vref_is_import(entry->vref);
    bool reachable = entry->reachable;
    clist_remove(kernel->state, entry);
    assert(entry->row.dead);
    if (kref_is_promise(kref)) {
        refs_drop(kernel, kref);
        return;
    }
    if (import) {
        struct object *object =
            object_edit(kernel->state, object_need(kernel->state, kref_number(kref)));
        object->recognizable--;
        object->reachable -= reachable;
    }
    refs_lost(kernel, kref);
}
