/* The vats in memory.
 *
 * They form a list, the one used last first. Above the limit the last of it is paged out, between
 * two cranks: a vat with a transcript comes back by its image and a replay (bring.h); one without
 * must leave an image behind, as nothing else can bring its heap back. */
#ifndef HOST_ONLINE_H
#define HOST_ONLINE_H

#include "host/internal.h"

struct online *online_find(const struct host *host, uint64_t number); /* NULL: not in memory */
/* The same; it is the one used last from now on. */
struct online *online_use(struct host *host, uint64_t number);
/* From now on the vat is in memory, which it was not; its start was its only delivery so far. It is
   closed when it goes. */
struct online *online_keep(struct host *host, uint64_t number, struct vat *vat);
void online_forget(struct host *host, uint64_t number); /* nothing when it is not in memory */
/* Pages out the vats used longest ago, while there are more than vats_online. Not in a crank. */
void online_make_room(struct host *host);
/* Pages out a vat whose heap lies there; false: there is none. */
bool online_clear_range(struct host *host, uint64_t base);

#endif
