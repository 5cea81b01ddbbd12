/* One delivery to one vat, from its bytes to what ended it. */
#ifndef VAT_DELIVERING_H
#define VAT_DELIVERING_H

#include "vat/internal.h"

/* The collector of a new Lua: from now on it runs in a delivery that allocates much, and between
 * deliveries when there is enough garbage. */
void delivering_start_collector(struct heap *heap);

/* Runs the delivery. What it did stands in vat->run, heap and tables; with a fault the caller
 * lets delivering_restore put back what was. FAULT_EXIT is one that only undoes. */
enum vat_fault delivering_run(struct vat *vat, struct bytes delivery, enum vat_mode mode);
/* Heap and tables as they were before. */
void delivering_restore(struct vat *vat);
/* What the fault was, for people; NULL when there is none. Borrowed until the next delivery. */
const char *delivering_reason(struct vat *vat, enum vat_fault fault);

/* As vat_probe. */
bool delivering_probe(struct vat *vat, struct vat_probe *probe);

#endif
