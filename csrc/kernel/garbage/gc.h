/* Garbage: what nobody reaches any more is dropped and retired, by deliveries to its owner and to
 * those who could still recognize it.
 *
 * The counts in the tables are the truth; what is kept here are only hints where to look. A hint is
 * checked when it is picked, so one that is no longer true, or stands twice, or outlived an undone
 * crank, does nothing. After opening, the hints are found again from the counts.
 *
 * Order: by vat (numeric), then drop_exports, retire_exports, retire_imports; one sorted batch in a
 * crank. A vat is asked to bring out its dead when it has had reap_interval deliveries. While the
 * queue has items, at most one of these cranks comes between two of them (schedule.h). */
#ifndef KERNEL_GARBAGE_GC_H
#define KERNEL_GARBAGE_GC_H

#include "base/part.h"
#include "kernel/kernel.h"
#include "state/object.h"

struct vat_record;

extern const struct part_kind gc_part; /* the memory of a struct gc */

/* Hints */

/* An object whose reachable count is zero. */
void gc_unreached(struct kernel *kernel, const struct object *object);
/* A cycle's member, which nothing outside the cycle reaches: its owner is to drop it. */
void gc_drop_cycle(struct kernel *kernel, uint64_t owner, struct kref kref);
/* The vat is to bring out its dead. */
void gc_reap(struct kernel *kernel, uint64_t vat);
/* The vat has had one more delivery; its row was touched. */
void gc_delivered(struct kernel *kernel, const struct vat_record *vat);
/* A crank was undone that had taken hints: all are to be found again. */
void gc_lost_hints(struct kernel *kernel);

/* Deliveries. An open crank may have none yet. */

/* Whether there is any hint. Not within a crank. */
bool gc_is_due(struct kernel *kernel);
/* True when there was a hint that holds, and a delivery for it. */
bool gc_begin(struct kernel *kernel, double now);
/* The vat brings out its dead. */
void gc_begin_reap(struct kernel *kernel, const struct vat_record *vat, double now);

/* Counting */

/* An object goes with the open crank; and the crank was kept. */
void gc_collect(struct kernel *kernel);
void gc_count(struct kernel *kernel);

#endif
