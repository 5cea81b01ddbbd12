/* What the host holds for its own use: handles of promises, references to objects.
 *
 * A hold is of one opening of the database. It takes effect at once; a release waits for the next
 * crank and joins it, since the host's own collector may ask for one at any moment. When a process
 * is gone, so is what it held: the next opening lets go of that, a part at a time.
 *
 * None of it is history: the cranks that do nothing else are not counted (crank.h), and the dump
 * leaves these holds out. */
#ifndef KERNEL_HANDLES_H
#define KERNEL_HANDLES_H

#include "kernel/kernel.h"

/* In the open crank: one more reference of the host's. */
void handles_hold(struct kernel *kernel, struct kref kref);

/* What the host let go of goes now, in a crank of its own. */
void handles_release(struct kernel *kernel);
/* For crank.c: the open crank has it go; and it need not be done again. */
void handles_join(struct kernel *kernel);
void handles_joined(struct kernel *kernel);

/* After opening: does a host that is gone hold anything? Some of it goes at once, and what is more
   than opening should wait for, in the first cranks. */
void handles_find_left_over(struct kernel *kernel);
void handles_release_left_over(struct kernel *kernel); /* a part, as a crank */

#endif
