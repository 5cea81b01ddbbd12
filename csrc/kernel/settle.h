/* Settling promises, in a crank: who is told, who follows, and what had waited.
 *
 *                 settle, settle_reject
 *   unresolved --------------------------> fulfilled or rejected, for good
 *      |   ^                                  ^
 *      |   | settle_follow                    | what it follows settles
 *      +---+ one that follows another --------+
 *
 * When a promise settles, its subscribers get a notify each, those that follow it settle likewise,
 * and the messages parked on it join the queue: nothing is parked on a settled promise. */
#ifndef KERNEL_SETTLE_H
#define KERNEL_SETTLE_H

#include "kernel/kernel.h"
#include "state/promise.h"

/* An unresolved promise, with all that follow it. The value is shared from now on. */
void settle(struct kernel *kernel, const struct promise *promise, enum promise_state how,
    struct blob *value);
/* With an error of the kernel's; incarnation is left out when negative. */
void settle_reject(struct kernel *kernel, const struct promise *promise, const char *name,
    const char *message, int64_t incarnation);
/* It goes the way of another from now on, at once when that has settled. One that would follow
   itself is rejected. */
void settle_follow(
    struct kernel *kernel, const struct promise *promise, const struct promise *target);
/* The unresolved promise at the end of the chain that this one follows, or a settled one. */
const struct promise *settle_end(struct kernel *kernel, const struct promise *promise);
/* Tells a vat of a promise that settles in this crank, or has. */
void settle_notify(struct kernel *kernel, const struct promise *promise, uint64_t vat);

#endif
