/* What the files of the kernel layer share: structs alone. */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include "base/arena.h"
#include "base/numbers.h"
#include "kernel/crank.h"
#include "kernel/krefs.h"

struct waiting LIST(uint64_t); /* numbers, in the order of their turn */

/* gc.c: where to look for garbage. */
struct gc {
    struct gc_groups LIST(struct gc_group) groups; /* in order */
    struct number_list reaps;                      /* vats that are to bring out their dead */
    bool found;                                    /* the database was asked */
    uint64_t collecting;                           /* objects that go with this crank */
    uint64_t collected;                            /* objects gone since the opening */
};

struct kernel {
    struct state *state;
    char *stopped;
    /* the open crank */
    enum crank_cause cause;
    struct arena arena;
    struct buf delivery;
    struct buf reason; /* why the outcome was refused */
    struct gc gc;
    uint64_t item; /* the queue's head, which the crank is for; 0: none */
    uint64_t vat;  /* that it delivers to */
    enum delivery_kind kind;
    bool ended;                 /* a vat ended in it */
    uint64_t syscall;           /* the number of the one that is being applied */
    const struct syscall *exit; /* the vat asked to end; NULL: it did not */
    enum vat_fault fault;       /* of the delivery that ran last */
    uint64_t visit;             /* number of the last walk over promises */
    struct kref_list unheld;    /* lost a holder in this crank: are they free? */
    size_t joined;              /* of releases: those that go with this crank */
    /* between cranks */
    struct number_list endings; /* vats that ended and are to be cleaned up */
    struct waiting calls;       /* of the host's objects, by the items' numbers */
    struct kref_list suspects;  /* promises that may be in a dead cycle */
    bool suspect_all;           /* those in the database are still to be asked for */
    struct kref_list releases;  /* the host let go of these */
    bool left_over;             /* references of a host that is gone are still held */
    struct waiting rebuilds;    /* vats without a transcript that wait for their start */
};

#endif
