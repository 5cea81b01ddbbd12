/* The end of a vat: who waited for it is told, and what it held goes, a bounded part in each crank.
 *
 * It takes no deliveries from the first moment; messages to it are rejected where they are routed.
 * Then, in order: the promises that it decided, its c-list, its rows. Until all of that is gone the
 * vat is listed as terminated; afterwards its record stays only while an object that administers it
 * can still ask how it ended. How it ended takes the place of its parameters, and is held as they
 * were. */
#ifndef KERNEL_LIVES_END_H
#define KERNEL_LIVES_END_H

#include "kernel/kernel.h"
#include "state/clist.h"

struct vat_record;

/* In a crank. The vat ends, for this reason; well, with the values of its exit, or with a reason in
   value, or with a VatTerminated when that is NULL. The first part of what it held goes at once. */
void end_vat(struct kernel *kernel, const struct vat_record *vat, const char *reason, bool well,
    struct blob *value);

/* Cleaning up */

void end_find(struct kernel *kernel); /* after opening: those that are not cleaned up yet */
/* The next of them, or NULL. */
const struct vat_record *end_next(struct kernel *kernel);
/* In a crank: one batch of it. */
void end_clean(struct kernel *kernel, const struct vat_record *vat);
/* The record goes when all is cleaned up and nothing administers the vat. NULL is legal. */
void end_forget(struct kernel *kernel, const struct vat_record *vat);

/* Also for a vat that goes on with a new heap */

/* Promises that the vat decides are rejected, so many at the most; how many. */
size_t end_reject_decided(struct kernel *kernel, const struct vat_record *vat, const char *name,
    const char *message, size_t most);
/* One of the vat's references goes; abandon: an object that it owned is nobody's from now on. */
void end_give_up(struct kernel *kernel, const struct vat_record *vat,
    const struct clist_entry *entry, bool abandon);

#endif
