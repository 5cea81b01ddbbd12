/* What the files of the state layer share. */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "state/blob.h"
#include "state/clist.h"
#include "state/counter.h"
#include "state/hold.h"
#include "state/image.h"
#include "state/journal.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/queue_item.h"
#include "state/ring.h"
#include "state/state.h"
#include "state/table.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"
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
    uint64_t counters[COUNTER_COUNT];
    bool counters_dirty;
    /* as they were when the crank began */
    uint64_t undo_counters[COUNTER_COUNT];
    bool applied; /* the open crank has changed durable tables, or is in the transcript */
    /* transcripts: what this crank adds, and what the block has */
    struct transcript_block *blocks;
    struct buf pending; /* vat number, then entry, each */
    struct buf scratch; /* text of a row being written */
};

extern const struct row_type object_type, promise_type, clist_type, queue_item_type, vat_type,
    hold_type, stored_type;

void queue_open(struct state *state);
void queue_forget(struct state *state);     /* all rows are clean: back to the database */
void transcripts_keep(struct state *state); /* the crank's entries join the block's */
void transcripts_flush(struct state *state);
void transcripts_free(struct state *state);
/* An encoded change that says what a key was before the block, for the row of its vat. */
void transcript_before(struct state *state, uint64_t vat, struct bytes change);

#endif
