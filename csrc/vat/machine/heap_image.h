/* Images: a vat's heap as bytes, and back. They are the pages themselves, free ones left out, so
 * they are worth something only at their address and to the build that wrote them. */
#ifndef VAT_MACHINE_HEAP_IMAGE_H
#define VAT_MACHINE_HEAP_IMAGE_H

#include "base/buf.h"
#include "vat/machine/heap.h"

#define HEAP_IMAGE_BUILD_SIZE 20
/* What tells this build of the vat layer from all others; lives as long as the process. */
struct bytes heap_image_build(void);
void heap_image_save(const struct heap *heap, struct buf *image); /* appends */
/* The heap that an image holds, at its place; NULL with *reason set. */
struct heap *heap_image_open(struct bytes image, const char **reason);

#endif
