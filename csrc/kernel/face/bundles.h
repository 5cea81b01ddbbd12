/* Bundles as the host hands them in and asks for them back. What a source consists of, and that its
 * bytes have the hash that names it, is the host's affair. Not within a crank, but for reading. */
#ifndef KERNEL_FACE_BUNDLES_H
#define KERNEL_FACE_BUNDLES_H

#include "kernel/kernel.h"

struct new_bundle {
    struct bytes sha256; /* of the source, as 64 hexadecimal digits */
    struct bytes name;   /* of its main chunk */
    size_t modules;      /* how many it has */
    struct bytes source;
};

/* One that is there already is nothing new. With a name, the name stands for it from now on. */
void kernel_store_bundle(struct kernel *kernel, const struct new_bundle *bundle, const char *name);
/* The hash of the bundle that the name stands for; NULL: for none. The caller frees. */
char *kernel_bundle_named(struct kernel *kernel, struct bytes name);
/* NULL: there is no such bundle. The caller frees. */
uint8_t *kernel_bundle_source(struct kernel *kernel, struct bytes sha256, size_t *size);
/* Drops bundles that no living vat, no name and no queued upgrade needs. */
void kernel_sweep_bundles(struct kernel *kernel);

#endif
