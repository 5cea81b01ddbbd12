/* Launches: vats that start together, in one crank, with their bundles and their cluster; all of it
 * or nothing.
 *
 *   kernel_launch_begin     opens the crank and takes the whole launch
 *   kernel_launch_start     for each vat in turn: its start, to be delivered
 *   kernel_start_finish     what that came to; after a failure nothing more is started
 *   kernel_launch_end       closes the crank */
#ifndef KERNEL_FACE_LAUNCH_H
#define KERNEL_FACE_LAUNCH_H

#include "kernel/face/bundles.h"

struct launch_vat {
    struct vat_spec spec; /* its bundle is the one below; its cluster is set when one is made */
    struct new_bundle bundle;
    uint64_t call; /* of vat_admin, which is answered with the vat; 0: none */
    uint64_t vat;  /* out, by kernel_launch_start: its number */
};

/* It lives, unchanged by the host, until kernel_launch_end. */
struct launch {
    struct launch_vat *vats;
    size_t count;
    bool makes_cluster;    /* the vats are a cluster of their own */
    const char *bootstrap; /* the cluster's vat that is told of the others; NULL: none */
    uint64_t cluster;      /* out: the number of the one that was made; 0: none */
    size_t started;        /* out: vats that have a start */
};

void kernel_launch_begin(struct kernel *kernel, struct launch *launch);
/* The delivery is borrowed until kernel_start_finish. */
void kernel_launch_start(
    struct kernel *kernel, struct launch *launch, double now, struct crank *crank);
/* keep: every vat has started. */
void kernel_launch_end(struct kernel *kernel, struct launch *launch, bool keep);

#endif
