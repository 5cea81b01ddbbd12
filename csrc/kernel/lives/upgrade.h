/* Upgrades: a vat goes on with new code, from its durable tables. Promises that it decided are
 * rejected, what it exported is abandoned but for its root and its durable objects; its imports
 * that durable values name stay. A failed one leaves no trace but the rejected result.
 *
 * One that is an item of the queue keeps its place there until its start was judged
 * (kernel_upgrade_finish). */
#ifndef KERNEL_LIVES_UPGRADE_H
#define KERNEL_LIVES_UPGRADE_H

#include "kernel/kernel.h"
#include "state/queue.h"

/* In a crank: an item for it. bundle empty: the one that the vat has; parameters NULL: likewise. */
void upgrade_push(struct kernel *kernel, uint64_t vat, struct bytes bundle, struct blob *parameters,
    struct kref result);
/* In the crank of the item; true when there is a start to deliver, false when it was rejected. */
bool upgrade_route(struct kernel *kernel, const struct queue_item *item, double now);

#endif
