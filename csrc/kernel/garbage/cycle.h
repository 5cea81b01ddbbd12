/* Promises whose values hold each other, and that nothing else holds: counts alone keep them for
 * ever. A settled promise that loses a holder and keeps another is a suspect. When the queue is
 * empty, or the suspects are many, the promises that can be reached from them through values are
 * counted: whatever is held from outside of these is alive, with all that it leads to, and the
 * rest goes. Promises left out by the budget count as outside, so nothing alive is ever taken. */
#ifndef KERNEL_GARBAGE_CYCLE_H
#define KERNEL_GARBAGE_CYCLE_H

#include "kernel/kernel.h"
#include "state/promise.h"

/* A promise that lost a holder. */
void cycle_suspect(struct kernel *kernel, const struct promise *promise);
/* Whether there is anything to look at. Not within a crank. */
bool cycle_is_due(struct kernel *kernel, bool idle);
/* Within a crank: true when something went. */
bool cycle_collect(struct kernel *kernel);

#endif
