/* Counts by kref: what the walk over all holders adds up to, for the audit and the dump. */
#ifndef KERNEL_LOOK_TALLY_H
#define KERNEL_LOOK_TALLY_H

#include "kernel/kernel.h"

struct tally {
    uint64_t word;
    int64_t reachable, recognizable; /* of a promise: both its references */
    int64_t host;                    /* how many of them are the host's */
};

struct tallies {
    struct tally *slots;
    size_t capacity, count;
};

/* Made when missing, and good until the next one is made. */
struct tally *tally_of(struct tallies *tallies, struct kref kref);
/* What every object's and promise's counts should be. */
void tally_holders(struct kernel *kernel, struct tallies *tallies);
void tally_free(struct tallies *tallies);

#endif
