/* Pages of which every small block is free serve anything again: else one delivery's garbage would
 * be copied by undo_save for ever. */
#ifndef VAT_MACHINE_HEAP_TRIM_H
#define VAT_MACHINE_HEAP_TRIM_H

#include "vat/machine/heap.h"

/* Makes whole pages of free blocks when much was freed since it last did. No body runs. */
void heap_trim(struct heap *heap);
void heap_trim_release(void); /* what it has used for all heaps in turn */

#endif
