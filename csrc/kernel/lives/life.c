#include "kernel/lives/life.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/lives/end.h"
#include "kernel/lives/parameters.h"
#include "kernel/syscall.h"
#include "kernel/translate.h"
#include "state/clist.h"
#include "state/counter.h"
#include "state/object.h"
#include "state/state.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Starting */

static void
record_spec(struct kernel *kernel, struct vat_record *vat, const struct vat_spec *spec)
{
    vat->cluster = spec->cluster;
    vat->bundle = blob_new(spec->bundle, NULL, 0);
    vat->settings = spec->settings;
    parameters_set(kernel, vat, spec->parameters);
    struct object *root = object_create(kernel->state, vat->id, (struct bytes){NULL, 0});
    root->root = true;
    clist_add(kernel->state, vat->id, VREF_ROOT, kref_object(root->id));
}

void
life_start(struct kernel *kernel, const struct vat_record *vat, double now)
{
    struct delivery delivery = {.kind = DELIVER_START_VAT, .now = now};
    delivery.name = blob_bytes(vat->name);
    delivery.incarnation = (uint64_t)vat->incarnation;
    delivery.value = translate_value_out(kernel, vat->id, vat->parameters);
    crank_deliver(kernel, vat->id, &delivery);
}

void
kernel_start_begin(struct kernel *kernel)
{
    crank_open(kernel, CAUSE_START);
}

uint64_t
kernel_new_cluster(struct kernel *kernel)
{
    return counter_next(kernel->state, COUNTER_CLUSTER);
}

uint64_t
kernel_start_vat(
    struct kernel *kernel, const struct vat_spec *spec, double now, struct crank *crank)
{
    assert(kernel->cause == CAUSE_START && crank_is_open(kernel));
    struct vat_record *vat = vat_record_create(kernel->state, spec->name);
    record_spec(kernel, vat, spec);
    life_start(kernel, vat, now);
    *crank = (struct crank){vat->id, buf_view(&kernel->delivery), false};
    return vat->id;
}

static void
name_root(struct kernel *kernel, uint64_t vat, struct bytes interface)
{
    const struct clist_entry *entry = clist_by_vref(kernel->state, vat, VREF_ROOT);
    if (entry == NULL) {
        db_damaged(state_db(kernel->state), "clist", (int64_t)vat);
        return;
    }
    struct object *root =
        object_edit(kernel->state, object_need(kernel->state, kref_number(entry->kref)));
    blob_drop(root->interface);
    root->interface = blob_new(interface, NULL, 0);
}

bool
kernel_start_finish(struct kernel *kernel, const struct outcome *outcome, const char **reason)
{
    assert(crank_is_open(kernel) && kernel->vat != 0 && kernel->kind == DELIVER_START_VAT);
    *reason = outcome->reason;
    if (outcome->fault != VAT_OK)
        return false;
    if (!syscall_apply_all(kernel, outcome)) {
        *reason = buf_string(&kernel->reason);
        return false;
    }
    if (kernel->exit != NULL) {
        *reason = "the vat ended itself while it started";
        return false;
    }
    name_root(kernel, kernel->vat, outcome->interface);
    crank_record(kernel, outcome);
    return true;
}

void
kernel_start_end(struct kernel *kernel, bool keep)
{
    assert(kernel->cause == CAUSE_START);
    crank_close(kernel, keep ? CRANK_KEEP : CRANK_UNDO);
    if (keep)
        state_flush(kernel->state); /* so that the new names are found */
}

/* Rebuilding */

struct search {
    struct bytes prefix;
    bool found;
};

static bool
has_prefix(void *context, struct bytes key, struct entry_value value)
{
    (void)value;
    struct search *search = context;
    search->found = key.size >= search->prefix.size &&
                    memcmp(key.data, search->prefix.data, search->prefix.size) == 0;
    return false; /* the first row tells */
}

/* Whether the vat's next heap will know this reference: its root, what is durable, and what its
   durable tables name. The vat's library keeps a row for each such import, and one for each watch
   of a promise. */
static bool
survives(struct kernel *kernel, uint64_t vat, struct vref vref)
{
    if (vref_equal(vref, VREF_ROOT) || vref_kind(vref) == REF_DURABLE)
        return true;
    uint8_t key[10];
    memcpy(key, vref_is_promise(vref) ? DURABLE_WATCHES : DURABLE_NAMED, 2);
    for (int i = 0; i < 8; i++)
        key[2 + i] = (uint8_t)(vref.word >> (8 * (7 - i)));
    struct search search = {{key, sizeof key}, false};
    vatstore_scan(kernel->state, vat, SPACE_DURABLE, search.prefix, has_prefix, &search);
    return search.found;
}

void
life_forget_heap(struct kernel *kernel, const struct vat_record *vat)
{
    assert(kernel->cause == CAUSE_REBUILD || kernel->cause == CAUSE_UPGRADE ||
           kernel->cause == CAUSE_RENEWAL);
    assert(vat->state != VAT_TERMINATED);
    end_reject_decided(kernel, vat, "VatUpgraded", "vat upgraded", SIZE_MAX);
    struct vref_list vrefs = {0};
    clist_vrefs(kernel->state, vat->id, SIZE_MAX, &vrefs);
    for (size_t i = 0; i < vrefs.count; i++) {
        struct vref vref = vrefs.items[i];
        if (!survives(kernel, vat->id, vref))
            end_give_up(kernel, vat, clist_by_vref(kernel->state, vat->id, vref), true);
    }
    list_free(&vrefs);
    vat_record_edit(kernel->state, vat)->incarnation++;
}
