/* Rows of vats' durable tables for the vat layer, asked of the kernel. */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H

#include "kernel/face/vats.h"
#include "vat/vat.h"

/* From now on the vat fetches its durable rows as it reads them, and those of its vatstore when its
   settings say so. The kernel outlives the vat. */
void page_vat(
    struct kernel *kernel, uint64_t number, const struct vat_settings *settings, struct vat *vat);
/* An entry_visit, whose context is a vat: puts a row into its vatstore. */
bool page_load(void *context, struct bytes key, struct entry_value value);
/* The same for a vat that is as its rows are now, and has none of them yet: a vatstore that is not
   paged is loaded. */
void page_as_now(struct kernel *kernel, const struct vat_info *info, struct vat *vat);

#endif
