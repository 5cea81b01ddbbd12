/* Objects that may be garbage in a cycle across vats: everything that reaches them is an import of
 * a running vat. Queues, parked messages, promises' values, pins, parameters, host references, and
 * vats that cannot be asked, all keep an object from being a suspect; so do durable vrefs. Whether
 * a heap still needs one is for the host to find out. Between cranks. */
#ifndef KERNEL_GARBAGE_SUSPECT_H
#define KERNEL_GARBAGE_SUSPECT_H

#include "base/list.h"
#include "kernel/kernel.h"

struct suspect {
    struct kref kref;
    uint64_t owner;
    struct vref vref; /* in the owner */
    bool alive;       /* for the caller to find out */
};

struct importer {
    size_t suspect; /* index in objects */
    uint64_t vat;
    struct vref vref;
};

struct suspects {
    struct LIST(struct suspect) objects;
    struct LIST(struct importer) importers;
};

void kernel_suspects(struct kernel *kernel, size_t most, struct suspects *suspects);
void suspect_free(struct suspects *suspects);
/* Those that are not alive are dropped by the next cranks; how many. */
size_t kernel_drop_suspects(struct kernel *kernel, const struct suspects *suspects);

#endif
