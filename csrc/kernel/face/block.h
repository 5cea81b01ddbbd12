/* Blocks: what the host commits at once, and what it asks to decide when. */
#ifndef KERNEL_FACE_BLOCK_H
#define KERNEL_FACE_BLOCK_H

#include "kernel/kernel.h"

/* Everything since the last commit is on disk, or the store failed: false. Not within a crank. */
bool kernel_commit(struct kernel *kernel);
/* Whether anything waits for a commit. */
bool kernel_is_dirty(struct kernel *kernel);
/* Whether a crank is open. Nothing of the vat side begins or ends a block meanwhile. */
bool kernel_in_crank(struct kernel *kernel);
/* NULL, or why the store failed: what was read since may be less than there is. */
const char *kernel_store_error(struct kernel *kernel);
/* Cranks done, ever. */
uint64_t kernel_cranks(struct kernel *kernel);
/* True, and noted with the next block, when so many items joined the queue since object cycles were
   last looked for. */
bool kernel_look_is_due(struct kernel *kernel, uint64_t items);
/* Gives the file's free space back; false when the store failed. After a commit. */
bool kernel_vacuum(struct kernel *kernel);
/* Seconds that each of n small commits takes in a file of its own at path, which goes again.
   Negative when that cannot be measured there. */
double kernel_measure_commits(const char *path, int n);

#endif
