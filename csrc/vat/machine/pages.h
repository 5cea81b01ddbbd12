/* A heap's free pages.
 *
 * They are runs in the heap's header, sorted, and none touches the next. All other pages below the
 * heap's end are in use: the header's own, those that blocks were cut from, and large blocks. */
#ifndef VAT_MACHINE_PAGES_H
#define VAT_MACHINE_PAGES_H

#include "vat/machine/heap.h"

/* Of the first free run that is long enough, else beyond the heap's end; zeroed, so that nothing
 * depends on what was undone. NULL: the range is full. */
void *pages_take(struct heap *heap, uint64_t count);
/* start: a page's number. False: there is no room to note them. */
bool pages_give(struct heap *heap, uint64_t start, uint64_t count);

uint64_t pages_free(const struct heap *heap); /* bytes of the free ones */

/* The parts in use as offsets, in order: a zeroed one leads to the first. The last may be empty. */
struct pages_part {
    uint32_t run; /* behind the part */
    uint64_t start, end;
};
bool pages_next_part(const struct heap *heap, struct pages_part *part);
/* Copies the parts in use, to and from where pages lie as map tells. */
void pages_copy(const struct heap *map, uint8_t *to, const uint8_t *from);
bool pages_equal(const struct heap *map, const uint8_t *a, const uint8_t *b);

/* Of what lies at base as the heap's pages lie in it, the free ones go back to Linux. */
void pages_release(const struct heap *heap, uint8_t *base);

#endif
