/* Compacting: where an image can bring a vat back, the transcript before it is not needed for that,
 * and goes. Then only the build of the vat layer that saved the image can bring the vat back. */
#ifndef HOST_COMPACT_H
#define HOST_COMPACT_H

#include "host/host.h"

struct host_compacted {
    size_t vats;        /* whose transcripts became shorter */
    size_t skipped;     /* that could not be brought back */
    int64_t deliveries; /* that are gone */
};

/* Deletes what images make needless, of all vats, and gives the space back. False when the store
   failed. Not within a crank. */
bool host_compact(struct host *host, struct host_compacted *done);

#endif
