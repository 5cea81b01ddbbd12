/* What becomes of a delivery that does not stand, of its item, and of its vat.
 *
 * The crank is undone with all that the delivery did, and opened again: the item is at the queue's
 * head once more, the vat is as it was before. Then, by what failed and by the vat's policy:
 *
 *                        reject                  suspend                 terminate
 *
 *   a message ran over   its result is           it is parked, and the   its result is rejected,
 *   a limit              rejected                vat is suspended        and the vat ends
 *                        BudgetExceeded                                  VatTerminated
 *   a notify did         it is delivered once    likewise                it is dropped, and the
 *                        more; the second time                           vat ends
 *                        likewise as suspend
 *   the collector's      the vat is suspended    likewise                the vat ends
 *
 *   a syscall was illegal, or the vat ended itself with a failure: as terminate, for each policy
 *   the vat could not be brought back: it has failed, and the item is parked with it
 *   a start without a transcript failed in any way: so has the vat; the start is tried again
 *   when it is resumed
 *
 * The end of a critical vat stops the kernel instead (crank_stop_for). */
#ifndef KERNEL_VERDICT_H
#define KERNEL_VERDICT_H

#include "kernel/kernel.h"

enum verdict {
    VERDICT_LIMIT,   /* it ran over a limit, or broke */
    VERDICT_ILLEGAL, /* a syscall was refused */
    VERDICT_EXIT,    /* the vat ended itself with a failure: kernel->exit has the reason */
    VERDICT_LOST,    /* the vat could not be brought back */
};

/* In the crank of the delivery; afterwards none is open. The reason becomes the vat's fault. */
void verdict_carry_out(struct kernel *kernel, enum verdict verdict, const char *reason);

#endif
