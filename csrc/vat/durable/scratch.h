/* What durable tables and objects are written with, outside the arena; one delivery's. */
#ifndef VAT_DURABLE_SCRATCH_H
#define VAT_DURABLE_SCRATCH_H

#include "base/buf.h"

struct durable_scratch {
    struct buf slots;                     /* one record's, as they are stored */
    struct buf states[2], state_slots[2]; /* the state of an instance in the making */
    struct buf unheld;  /* instances that lost their last holder while the dead are sought */
    bool seeks_dead;    /* they are sought now */
    size_t stored_size; /* bytes put into the durable tables in this delivery */
};

#endif
