/* The membrane between the kernel's references and a vat's. Every reference in or out of a vat
 * passes here, in a crank; a vat can name only what is in its c-list, or what it makes.
 *
 *   out   kref to vref: a new one becomes an import of the vat, one that it dropped is reachable
 *         for it again
 *   in    vref to kref: a new one of the vat's own becomes an object that it owns, or a promise
 *         that it decides; anything else must be in its c-list, and not dropped */
#ifndef KERNEL_TRANSLATE_H
#define KERNEL_TRANSLATE_H

#include "kernel/kernel.h"
#include "state/clist.h"

struct vref translate_out(struct kernel *kernel, uint64_t vat, struct kref kref);
/* Borrowed until the crank is kept, as far as the value itself is. */
struct capdata translate_value_out(struct kernel *kernel, uint64_t vat, const struct blob *value);
/* None, with kernel->reason set, when the vat has no such reference and may not make it. */
struct kref translate_in(struct kernel *kernel, uint64_t vat, const struct slot *slot);
/* A new blob for the caller, or NULL with kernel->reason set. */
struct blob *translate_value_in(struct kernel *kernel, uint64_t vat, const struct capdata *value);
/* The vat's entry goes, with what it counted. */
void translate_retire(struct kernel *kernel, const struct clist_entry *entry);

#endif
