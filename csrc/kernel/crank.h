/* The crank: one step of the kernel, all or nothing.
 *
 *              crank_open                    crank_close(CRANK_KEEP)
 *      idle -----------------> open ------------------------------------> kept
 *       ^                      for one cause                               |
 *       |                        |                                         |
 *       |                        | crank_close(CRANK_UNDO)                 |
 *       |                        v                                         |
 *       +--------------------- undone <------------ (both are idle) -------+
 *
 * idle     Rows are read, and nothing of a vat is under way. Whoever wants a change opens.
 * open     Rows are changed after their *_edit. References come and go; those that lost a holder
 *          are kept in mind (kernel->unheld). At most one delivery, or a launch's one after the
 *          other, is made and judged.
 * kept     What nobody holds any more is gone, the crank is counted, rows are as they were left.
 * undone   Rows, counters and the queue's ends are as if it had never been opened; what the host
 *          let go of before is still to go.
 *
 * Who makes which transition:
 *
 *   idle -> open             schedule_next, for what is due; the kernel's face, for what the host
 *                            wants: send, pin, answer, launch, upgrade, end, suspend, resume
 *   open -> kept             crank_finish, a delivery that stands; kernel_upgrade_finish,
 *                            kernel_upgrade_try, kernel_start_end; each crank without a delivery
 *   open -> undone           kernel_start_end and kernel_upgrade_try, when nothing is to stay;
 *                            crank_stop_for, the end of a critical vat; crank_begin, when the
 *                            store failed; crank_lost_heap
 *   open -> undone -> open   crank_again: the delivery is taken back, and what becomes of its item
 *                            and its vat is decided in a crank of the same cause, which is kept
 *                            (verdict.h, kernel_upgrade_finish)
 *
 * The number of the open crank is one more than that of the last that counted. Each that is kept
 * counts, but for what the host holds for its own use: that is no part of the history, and when
 * a handle goes is a matter of the host's own collector. So equal histories have equal numbers,
 * and nothing is ever scheduled by them. */
#ifndef KERNEL_CRANK_H
#define KERNEL_CRANK_H

#include "kernel/kernel.h"

struct vat_record;

enum crank_cause {
    CAUSE_NONE,    /* no crank is open */
    CAUSE_MESSAGE, /* the queue's head */
    CAUSE_NOTIFY,  /* the same, a notify */
    CAUSE_UPGRADE, /* the same, an upgrade */
    CAUSE_REAP,    /* the vat of an upgrade, which is the queue's head, brings out its dead first */
    CAUSE_REBUILD, /* a vat without a transcript starts anew */
    CAUSE_CYCLE,   /* dead cycles of promises go */
    CAUSE_COLLECTOR, /* a delivery of the collector's */
    CAUSE_CLEAN_UP,  /* a part of what a vat had that ended goes */
    CAUSE_START,     /* the host launches vats */
    CAUSE_RENEWAL,   /* the host upgrades a vat at once */
    CAUSE_HOST,      /* the host sends, answers, pins, ends, ... */
    CAUSE_HANDLE,    /* the host takes or lets go of what it holds for its own use */
    CAUSE_LEFT_OVER, /* a part of what a host held that is gone goes */
};

enum crank_end { CRANK_KEEP, CRANK_UNDO };

/* What the host let go of goes with it. Not within a crank. */
void crank_open(struct kernel *kernel, enum crank_cause cause);
/* The arena's memory stays good until the next crank that is kept. */
void crank_close(struct kernel *kernel, enum crank_end end);
/* Undoes the open crank and opens another of its cause: the vat that it had delivered to. */
const struct vat_record *crank_again(struct kernel *kernel);

bool crank_is_open(const struct kernel *kernel);
/* Of the open crank: what a message that is sent in it is known by. */
uint64_t crank_number(const struct kernel *kernel);
/* Whether a crank of this cause was kept since the last that was the queue's. It is durable, so
   that a restart changes no order. */
bool crank_had_turn(const struct kernel *kernel, enum crank_cause cause);

/* The open crank's delivery: encoded, in the receiver's own references. */
void crank_deliver(struct kernel *kernel, uint64_t vat, const struct delivery *delivery);
/* What each delivery that stands leaves in the vat's row and transcript. */
void crank_record(struct kernel *kernel, const struct outcome *outcome);
/* The end of a critical vat stops the kernel, with this crank undone; false: it is none. */
bool crank_stop_for(struct kernel *kernel, const struct vat_record *vat, const char *reason);

#endif
