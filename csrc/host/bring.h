/* How a vat gets into memory: a new one from its modules, one that was there before from the image
 * of its heap and the transcript since, or from its bundle and the whole transcript. */
#ifndef HOST_BRING_H
#define HOST_BRING_H

#include "host/internal.h"

/* The vat in memory, or brought back; NULL when it cannot be. Within a crank too: the limit of vats
   in memory is looked after between cranks, by online_make_room. */
struct online *bring_back(struct host *host, uint64_t vat, struct buf *why);
/* A vat without a past. It is not in memory for deliveries yet: see online_keep. */
struct vat *bring_new(struct host *host, uint64_t number, const struct vat_settings *settings,
    const struct vat_module *modules, size_t count, struct buf *why);
/* The same of the bundle that the vat has now, with its durable rows as they are. */
struct vat *bring_next(struct host *host, uint64_t number, struct buf *why);
/* What the vat layer is to know of a vat with these settings. */
struct vat_options bring_options(uint64_t number, const struct vat_settings *settings);

#endif
