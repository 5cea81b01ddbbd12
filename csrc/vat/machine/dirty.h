/* Which pages of a memory range were written: asked from Linux, which offers it since 6.7 (and not
 * in every container). */
#ifndef VAT_MACHINE_DIRTY_H
#define VAT_MACHINE_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void dirty_visit(void *context, uint8_t *pages, size_t size);

/* Watches the range until it is unmapped; at first all of it counts as written. False: Linux does
 * not offer it. */
bool dirty_watch(uint8_t *range, size_t size);
/* Visits what was written since the last dirty_reset of it. False: ask no more, nothing is
 * known. */
bool dirty_list(uint8_t *range, size_t size, dirty_visit *visit, void *context);
/* The same, and from now on it counts as not written. */
bool dirty_reset(uint8_t *range, size_t size, dirty_visit *visit, void *context);
/* All of it is about to be written: it counts as written from now on, and writing it costs nothing
 * more. */
void dirty_all(uint8_t *range, size_t size);

#endif
