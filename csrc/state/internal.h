/* What a state is, for the files of this folder. */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "base/buf.h"
#include "state/counter.h"
#include "state/ring.h"
#include "state/rows/journal.h"
#include "state/rows/table.h"
#include "state/state.h"
#include "store/db.h"

/* In the order in which they are flushed. */
enum table_place {
    TABLE_VAT,
    TABLE_OBJECT,
    TABLE_PROMISE,
    TABLE_CLIST,
    TABLE_QUEUE,
    TABLE_HOLD,
    TABLE_STORED, /* with the transcripts */
    TABLE_COUNT,
};

struct state {
    struct db *db;
    struct journal journal;
    struct table tables[TABLE_COUNT];
    struct ring queue;
    /* rows of the queue in the database alone, by seq; none when first > last */
    uint64_t unloaded_first, unloaded_last;
    struct counters counters;
    bool applied; /* the open crank has changed durable tables, or is in the transcript */
    /* transcripts: what this crank adds, and what the block has */
    struct transcript_block *blocks;
    struct buf pending; /* vat number, then entry, each */
    struct buf scratch; /* text of a row being written */
};

#endif
