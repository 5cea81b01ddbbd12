/* Vats by number, ascending; shared and never changed, as a blob is. NULL is the empty list. */
#ifndef STATE_ROWS_VAT_LIST_H
#define STATE_ROWS_VAT_LIST_H

#include "base/numbers.h"

struct vat_list {
    uint32_t holders;
    uint32_t count;
    uint64_t vats[];
};

/* The caller is the first holder. */
struct vat_list *vat_list_new(const struct number_list *vats);
struct vat_list *vat_list_hold(struct vat_list *list);
void vat_list_drop(struct vat_list *list);

bool vat_list_has(const struct vat_list *list, uint64_t vat);
/* A new list with a vat that this one has not, and without one that it has. */
struct vat_list *vat_list_with(const struct vat_list *list, uint64_t vat);
struct vat_list *vat_list_without(const struct vat_list *list, uint64_t vat);

#endif
