/* Counted references of the kernel itself: of the queue's items, of values, of holds. A reference
 * that a vat has is counted where its c-list entry comes and goes (translate.h).
 *
 * A count may fall to zero and rise again within a crank: what lost a holder is only kept in mind.
 * When the crank is kept, what nobody holds any more goes, with all that it held; an object that a
 * vat can still name becomes a hint for the collector (garbage/gc.h). */
#ifndef KERNEL_REFS_H
#define KERNEL_REFS_H

#include "kernel/kernel.h"

/* In a crank; what the reference names must exist. */
void refs_hold(struct kernel *kernel, struct kref kref);
void refs_drop(struct kernel *kernel, struct kref kref);
/* Each of the value's references, once for each slot. NULL is legal. */
void refs_hold_slots(struct kernel *kernel, const struct blob *value);
void refs_drop_slots(struct kernel *kernel, const struct blob *value);
/* It has lost a holder that was counted elsewhere. */
void refs_lost(struct kernel *kernel, struct kref kref);
/* For crank.c, before it keeps a crank: what nobody holds any more goes. */
void refs_settle(struct kernel *kernel);

#endif
