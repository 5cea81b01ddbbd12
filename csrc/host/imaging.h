/* Images of heaps: when one is saved, and whether one can be used.
 *
 * A vat's image is due at a count of its deliveries and saved with the block that reaches it, at
 * the block's end, where its transcript begins a new row. Saving reads the heap and changes
 * nothing of it. An image that cannot be used costs a replay and a line in the log. */
#ifndef HOST_IMAGING_H
#define HOST_IMAGING_H

#include "host/internal.h"
#include "kernel/face/vats.h"

/* A delivery to the vat was kept; its image may be due now. */
void imaging_count(struct host *host, struct online *online);
void imaging_save_due(struct host *host); /* before a commit */
/* Not in a crank, unless the vat keeps no transcript. */
void imaging_save(struct host *host, struct online *online);

/* A vat with the heap of its stored image, if it has one that can be used, and the position from
   which to replay; no rows of durable tables yet. NULL: when there is one, unused and the log say
   why it is not used. */
struct vat *imaging_open(
    struct host *host, const struct vat_info *info, int64_t *position, struct buf *unused);
/* The image is not used, for this reason, which the log and unused say from now on. */
void imaging_not_used(struct host *host, uint64_t vat, const char *reason, struct buf *unused);
/* Whether the stored image is the heap that is in memory. */
bool imaging_is_good(struct host *host, const struct vat_info *info);

#endif
