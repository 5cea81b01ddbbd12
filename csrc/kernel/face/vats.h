/* What the host asks of vats, clusters and references.
 *
 * A vat's facts are a copy; what they point to is borrowed until the vat changes or a block is
 * committed. Lists are the caller's to free. */
#ifndef KERNEL_FACE_VATS_H
#define KERNEL_FACE_VATS_H

#include "base/numbers.h"
#include "kernel/kernel.h"

struct vat_info {
    uint64_t id;
    uint64_t cluster; /* 0: made by the host */
    struct bytes name;
    struct bytes bundle; /* its hash, as 64 hexadecimal digits */
    struct vat_settings settings;
    enum vat_state state;
    int64_t incarnation;
    int64_t deliveries; /* ever */
    int64_t position;   /* of the next delivery in its transcript */
    const char *fault;  /* the last one; NULL: none */
};

/* False: there is no such vat. */
bool kernel_vat_info(struct kernel *kernel, uint64_t vat, struct vat_info *info);
/* How many living vats have this name, in the cluster or, when that is 0, in all: 0, 1 with its
   number in *vat, or 2 for more. Not within a crank. */
int kernel_vat_by_name(struct kernel *kernel, struct bytes name, uint64_t cluster, uint64_t *vat);
uint64_t kernel_last_vat(struct kernel *kernel); /* the highest number given to one */
size_t kernel_promises_of(struct kernel *kernel, uint64_t vat); /* unresolved, that it decides */

/* Adds a cluster's living vats, ascending. Neither of these within a crank. */
void kernel_cluster_vats(struct kernel *kernel, uint64_t cluster, struct number_list *vats);
bool kernel_delete_cluster(struct kernel *kernel, uint64_t cluster); /* false: there is none */

/* References */

/* Of an object that exists; borrowed while it does. */
struct bytes kernel_interface(struct kernel *kernel, struct kref object);
/* What one of the vat's references stands for; none when it stands for nothing. */
struct kref kernel_kref_of(struct kernel *kernel, uint64_t vat, struct vref vref);

enum reach {
    REACH_GONE,  /* nothing can be delivered there ever */
    REACH_WAITS, /* its vat is suspended, or has failed */
    REACH_RUNS,
};
enum reach kernel_reach(struct kernel *kernel, struct kref object);

#endif
