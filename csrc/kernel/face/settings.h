/* Small durable texts by name, for the host's own use. None of this within a crank. */
#ifndef KERNEL_FACE_SETTINGS_H
#define KERNEL_FACE_SETTINGS_H

#include "kernel/kernel.h"

/* NULL when not set. The caller frees. */
char *kernel_setting(struct kernel *kernel, const char *name);
void kernel_set_setting(
    struct kernel *kernel, const char *name, const char *value); /* NULL: none */
/* Calls each for every setting whose name starts with the prefix, sorted by name. */
void kernel_settings(struct kernel *kernel, const char *prefix,
    void (*each)(void *context, struct bytes name, struct bytes value), void *context);

#endif
