/* Items of the queue, with the references that they hold: target, result, each slot of the value.
 *
 *   item_push       a message, a notify or an upgrade joins the queue, and holds
 *   (state/queue.h  parks it, sets it aside, brings it back: it holds what it held)
 *   item_release    it was delivered, rejected, dropped or answered: it is gone, and lets go */
#ifndef KERNEL_ITEM_H
#define KERNEL_ITEM_H

#include "kernel/kernel.h"
#include "state/queue.h"

struct new_item {
    enum queue_kind kind;
    struct kref target;
    struct kref result; /* decided by nobody; or none */
    uint64_t vat;
    struct bytes method;
    struct blob *value; /* shared from now on; NULL: one without bytes */
};

/* In a crank, which is noted as the item's cause, with the syscall that is being applied. */
const struct queue_item *item_push(struct kernel *kernel, const struct new_item *item);
/* The promise that the item's end settles, or that the vat it goes to decides; NULL: there is none.
   One that has settled, or that somebody else is to settle, is damage, and none. */
const struct promise *item_result(struct kernel *kernel, const struct queue_item *item);
/* The queue's head, or one that is set aside. Its result has settled before, or goes on in another
   item. */
void item_release(struct kernel *kernel, const struct queue_item *item);

#endif
