/* Bundles: a vat's modules as one source, main chunk first, and back. A bundle is named by the
 * SHA-256 of its source, and no other source is ever run under that name. */
#ifndef HOST_MODULES_H
#define HOST_MODULES_H

#include "host/host.h"

#define SHA256_TEXT 65 /* a hash as 64 hexadecimal digits, and NUL */

/* Stores a bundle and gives its hash. With a name, the name stands for it from now on. Not within
   a crank. */
void host_install_bundle(struct host *host, const struct vat_module *modules, size_t count,
    const char *name, char sha256[SHA256_TEXT]);

/* A bundle as the database has it; the modules borrow from the source. */
struct stored_bundle {
    uint8_t *source;
    struct vat_module *modules;
    size_t count;
};

/* False when there is none with this hash, or its bytes have another one; nothing is to be freed
   then. */
bool modules_read(
    struct kernel *kernel, struct bytes sha256, struct stored_bundle *bundle, struct buf *why);
void modules_free(struct stored_bundle *bundle);
/* The source of modules, appended, and its hash. */
void modules_encode(
    const struct vat_module *modules, size_t count, struct buf *source, char sha256[SHA256_TEXT]);

#endif
