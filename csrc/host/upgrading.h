/* Upgrading vats: the next incarnation starts beside the old one, and takes its place when the
 * kernel has accepted the start. */
#ifndef HOST_UPGRADING_H
#define HOST_UPGRADING_H

#include "host/host.h"

/* Upgrades a vat at once, with the parameters retained and the bundle of this hash, or its own when
   that is empty. False: nothing changed. Without keep it is only tried. */
bool host_upgrade_now(
    struct host *host, uint64_t vat, struct bytes bundle, bool keep, struct buf *why);
/* What CRANK_UPGRADE asks for. */
void upgrading_deliver(struct host *host, const struct crank *crank);

#endif
