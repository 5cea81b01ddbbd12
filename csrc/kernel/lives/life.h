/* How a vat starts, and how it starts anew without its heap. kernel.h has what the host calls. */
#ifndef KERNEL_LIVES_LIFE_H
#define KERNEL_LIVES_LIFE_H

#include "kernel/kernel.h"

struct vat_record;

/* In a crank: the delivery that starts the vat's incarnation of now. */
void life_start(struct kernel *kernel, const struct vat_record *vat, double now);
/* The vat starts anew from its durable tables, as the next incarnation: what its old heap held
   goes, the promises it decided are rejected, what it exported is nobody's but for what durable
   tables name, and its root. */
void life_forget_heap(struct kernel *kernel, const struct vat_record *vat);

#endif
