/* A vat's parameters: kept with its record, for the next time that it starts, and held. When it has
 * ended, how it ended has taken their place. */
#ifndef KERNEL_LIVES_PARAMETERS_H
#define KERNEL_LIVES_PARAMETERS_H

#include "kernel/kernel.h"

struct vat_record;

/* In a crank: the new ones, shared from now on, for those before, which are let go of. */
void parameters_set(struct kernel *kernel, const struct vat_record *vat, struct blob *parameters);
void parameters_drop(
    struct kernel *kernel, const struct vat_record *vat); /* there are none any more */

#endif
