/* Replay: a vat gets its heap back by its transcript, from the incarnation's beginning or from
 * where an image was saved. Each delivery must ask the same syscalls and leave the same changes. */
#ifndef HOST_REPLAY_H
#define HOST_REPLAY_H

#include "kernel/face/vats.h"
#include "vat/vat.h"

/* Delivers the vat's transcript from the position of an image, or from the incarnation's beginning
   when it is negative, and leaves its durable tables paged. unused: why no image was used, empty
   when there is none. False: the vat is closed. */
bool replay_vat(struct kernel *kernel, const struct vat_info *info, struct vat *vat, int64_t from,
    struct buf *unused, struct buf *why);

#endif
