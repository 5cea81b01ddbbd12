/* The audit: counts every reference again and compares, and checks the rules that tables keep among
 * each other (the view audit_problem). Between cranks. */
#ifndef KERNEL_LOOK_AUDIT_H
#define KERNEL_LOOK_AUDIT_H

#include "base/buf.h"
#include "kernel/kernel.h"

/* Appends each thing that does not add up, as a line; nothing when all is well. */
void kernel_audit(struct kernel *kernel, struct buf *problems);
/* Appends who holds a reference, as lines "kind<TAB>holder<TAB>detail". */
void kernel_holders(struct kernel *kernel, struct kref kref, struct buf *lines);

#endif
