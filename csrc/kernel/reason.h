/* Why a promise is rejected: an error of the kernel's own, as a value. */
#ifndef KERNEL_REASON_H
#define KERNEL_REASON_H

#include "state/blob.h"

/* The caller is its first holder. incarnation is left out when negative. */
struct blob *reason_new(const char *name, const char *message, int64_t incarnation);

#endif
