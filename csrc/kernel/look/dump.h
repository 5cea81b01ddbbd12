/* All state as one text: what a restart or another blocking of commits must not change. So times,
 * transcripts, images and counters of work are left out, and host references with all that only
 * they keep. */
#ifndef KERNEL_LOOK_DUMP_H
#define KERNEL_LOOK_DUMP_H

#include "base/buf.h"
#include "kernel/kernel.h"

/* Appends it: sections, each a heading and a line for each row. Between cranks. */
void kernel_dump(struct kernel *kernel, struct buf *text);

#endif
