/* Calls of the host's objects: services, and what administers a vat.
 *
 * A message to one is set aside in the queue, with the crank that made it, and stays there until it
 * is answered: the host is asked again after a crash, with the same effect id. An answer settles
 * the call's result in a crank of its own. What the host does with calls is in kernel.h. */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include "kernel/kernel.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"

/* After opening: all that wait are to be shown once more. */
void calls_find(struct kernel *kernel);
/* The queue's head is a call of this object of the host's. */
void calls_route(struct kernel *kernel, const struct queue_item *item, const struct object *object);
/* The call's result settles, and the call goes. NULL is legal. */
void calls_answer(struct kernel *kernel, const struct queue_item *item, enum promise_state how,
    struct blob *value);

#endif
