/* What a vat asked for in a delivery, applied in the open crank, in order: first its syscalls, then
 * what it changed in its durable tables. Each is checked before it changes anything; when one is
 * refused, the crank must be undone.
 *
 *   send        a message joins the queue; its result is a new promise that nobody decides yet
 *   subscribe   the vat will be told, by a notify, when a promise settles
 *   resolve     promises that the vat decides settle, together, and it knows them no more
 *   exit        the vat ends with this crank: noted in kernel->exit
 *   drop, retire imports; retire, abandon exports     what the vat's own collector found */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "kernel/kernel.h"

/* False, with kernel->reason set, when the vat asks for what it may not. */
bool syscall_apply_all(struct kernel *kernel, const struct outcome *outcome);

#endif
