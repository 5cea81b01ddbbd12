/* A walk over every reference that the tables hold: who holds what, and how. The audit, the
 * question "who holds this?" and the dump are all this one walk. */
#ifndef KERNEL_LOOK_WALK_H
#define KERNEL_LOOK_WALK_H

#include "kernel/kernel.h"

enum holder_kind {
    HOLDER_CLIST,      /* id: the vat; vref, reachable */
    HOLDER_QUEUE,      /* id: seq of an item in the run queue */
    HOLDER_PARKED,     /* id: seq of an item that waits for a promise or with a vat */
    HOLDER_VALUE,      /* id: a settled promise, in whose value it is */
    HOLDER_FOLLOWER,   /* id: a promise that follows it */
    HOLDER_PIN,        /* id: 0 */
    HOLDER_PARAMETERS, /* id: the vat */
    HOLDER_HOST,       /* id: 0 */
};

struct holder {
    enum holder_kind kind;
    uint64_t id;
    struct kref kref; /* what is held */
    struct vref vref; /* HOLDER_CLIST */
    bool reachable;   /* HOLDER_CLIST */
    int64_t count;    /* how many times */
};

/* Flushes, and calls each for every hold, in no particular order but the same each time. */
void walk_holders(
    struct kernel *kernel, void (*each)(void *context, const struct holder *holder), void *context);
/* The same for what one promise holds: whom it follows, and what its value names. */
void walk_promise(struct kernel *kernel, uint64_t id,
    void (*each)(void *context, const struct holder *holder), void *context);
const char *walk_holder_name(enum holder_kind kind);

#endif
