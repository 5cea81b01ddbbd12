/* What the next crank is. The first source in this order that is due and finds something has it:
 *
 *   releases     what the host let go of; never the step itself, but what it frees may be due next
 *   rebuilds     vats without a transcript whose heap is gone start anew
 *   left-overs   what a host that is gone still holds goes, a part at a time
 *   cycles       dead cycles of promises go (cycle.h)
 *   collector    drops, retirements, vats that are to bring out their dead (gc.h)
 *   clean-up     what vats that ended had goes, a part at a time (end.h)
 *   queue        its head is delivered, parked or rejected (route.h); before an upgrade, the vat
 *                brings out its dead
 *
 * Being due is only a hint: a source may find nothing when it looks, and then the next is asked.
 * While the queue waits, left-overs, collector and clean-up have at most one crank each between
 * two of the queue's (crank_had_turn). */
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "kernel/kernel.h"

/* Opens the next crank, and closes it when it needs no vat. */
enum crank_step schedule_next(struct kernel *kernel, double now);

/* The vat is to start anew without its heap; or need not any more. */
void schedule_rebuild(struct kernel *kernel, uint64_t vat);
void schedule_rebuilt(struct kernel *kernel, uint64_t vat);

#endif
