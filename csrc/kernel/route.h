/* From the queue's head to a delivery, or elsewhere.
 *
 *   a message's target is                        and the message
 *
 *   an object that was revoked                   is rejected: ObjectRevoked
 *     of the host                                is set aside until it is answered (calls.h)
 *     of nobody, abandoned                       is rejected: ObjectAbandoned
 *     of a vat that ended                        is rejected: VatTerminated
 *     of a vat that is suspended or failed       is parked with the vat
 *     of a running vat                           is delivered, and the vat decides its result
 *   a promise, at the end of those it follows,
 *     that is unresolved                         is parked on it
 *     that was rejected                          is rejected with the same reason
 *     that was fulfilled with one object alone   goes where a message to that object goes
 *     that was fulfilled with anything else      is rejected: NotCallable
 *
 *   a notify's vat is                            and the notify
 *
 *   ended, or knows the promise no more          is dropped
 *   suspended or failed                          is parked with the vat
 *   running                                      is delivered, with every settled promise that the
 *                                                value leads to; the vat's entries for them retire
 *
 * An upgrade goes to lives/upgrade.h. */
#ifndef KERNEL_ROUTE_H
#define KERNEL_ROUTE_H

#include "kernel/kernel.h"
#include "state/queue.h"

/* In a crank that is for the queue's head. True: there is a delivery (crank_deliver); an upgrade
   keeps its place in the queue, anything else is released. False: the item is parked, set aside or
   gone. */
bool route(struct kernel *kernel, const struct queue_item *item, double now);
/* The item's result is rejected, if it has one, and the item is gone. */
void route_splat(
    struct kernel *kernel, const struct queue_item *item, const char *name, const char *message);

#endif
