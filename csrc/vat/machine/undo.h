/* The undo of a delivery: the heap as it was, byte for byte.
 *
 * A small heap is copied whole into one buffer, as one process has one delivery open. A larger one
 * keeps a shadow, which is brought up to date with the pages that were written since Linux was last
 * told to watch them, so that the cost follows the delivery and not the heap. */
#ifndef VAT_MACHINE_UNDO_H
#define VAT_MACHINE_UNDO_H

#include "vat/machine/machine.h"

void undo_save(struct machine *machine);      /* remembers every used page */
void undo_restore(struct machine *machine);   /* puts them back as they were */
void undo_write_all(struct machine *machine); /* before a collection, which writes every page */
void undo_forget(struct machine *machine);    /* lets go of what undo_save keeps for this heap */
bool undo_has_shadow(const struct machine *machine); /* its pages are kept twice */
/* While no delivery is open: gives free pages back to Linux, and what undo_save keeps and does not
 * need. Nothing that the heap holds, and no address that it will give out, changes by it. */
void undo_release(struct machine *machine);
void undo_release_shared(void); /* what all heaps use in turn */

#endif
