#include "kernel/lives/parameters.h"

#include "kernel/crank.h"
#include "kernel/internal.h"
#include "kernel/refs.h"
#include "state/hold.h"
#include "state/vat_record.h"

#include <assert.h>

static void
hold(struct kernel *kernel, const struct vat_record *vat)
{
    for (size_t i = 0; i < vat->parameters->slot_count; i++) {
        hold_add(kernel->state, HOLD_PARAMETERS, vat->id, vat->parameters->slots[i]);
        refs_hold(kernel, vat->parameters->slots[i]);
    }
}

static void
drop(struct kernel *kernel, uint64_t vat, struct blob *parameters)
{
    for (size_t i = 0; i < parameters->slot_count; i++) {
        hold_remove(kernel->state, HOLD_PARAMETERS, vat, parameters->slots[i]);
        refs_drop(kernel, parameters->slots[i]);
    }
    blob_drop(parameters);
}

void
parameters_set(struct kernel *kernel, const struct vat_record *vat, struct blob *parameters)
{
    assert(crank_is_open(kernel));
    struct vat_record *edit = vat_record_edit(kernel->state, vat);
    struct blob *before = edit->parameters;
    edit->parameters = blob_hold(parameters);
    hold(kernel, vat); /* first, so that nothing is free in between */
    if (before == NULL)
        return; /* the vat is being made */
    edit->renewed = true;
    drop(kernel, vat->id, before);
}

void
parameters_drop(struct kernel *kernel, const struct vat_record *vat)
{
    struct blob *none = blob_empty();
    parameters_set(kernel, vat, none);
    blob_drop(none);
}
