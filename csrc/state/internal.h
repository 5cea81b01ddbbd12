/* What the files of the state layer share. */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "state/blob.h"
#include "state/clist.h"
#include "state/counter.h"
#include "state/hold.h"
#include "state/image.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/state.h"
#include "state/table.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"
#include "store/db.h"

struct item_list {
    struct queue_item **items;
    size_t count, capacity;
};

/* The run queue: items by position, from head to tail, in a ring, and those that came back, in a
   heap; its head is the oldest of both. Rows of the database that are not in memory wait in
   [unloaded_first, unloaded_last], by seq. */
struct run_queue {
    struct queue_item **ring;
    uint64_t capacity; /* a power of two */
    uint64_t head, tail;
    uint64_t unloaded_first, unloaded_last; /* none when first > last */
    struct item_list returned;              /* the heap */
    struct item_list returning;             /* to the heap, when this crank is kept */
    struct item_list taken;                 /* out of the heap, in this crank */
};

struct state {
    struct db *db;
    struct journal journal;
    struct table objects, promises, clists, items, vats, holds, stored;
    struct run_queue queue;
    uint64_t counters[COUNTER_COUNT];
    bool counters_dirty;
    /* as they were when the crank began */
    uint64_t undo_counters[COUNTER_COUNT];
    uint64_t undo_head, undo_tail;
    bool applied; /* the open crank has changed durable tables, or is in the transcript */
    /* transcripts: what this crank adds, and what the block has */
    struct transcript_block *blocks;
    struct buf pending; /* vat number, then entry, each */
    struct buf scratch; /* text of a row being written */
};

extern const struct row_type object_type, promise_type, clist_type, item_type, vat_type, hold_type,
    stored_type;

/* ring.c */
void ring_open(struct run_queue *queue);
void ring_close(struct run_queue *queue);
struct queue_item **ring_slot(struct run_queue *queue, uint64_t position);
void ring_append(struct state *state, struct queue_item *item);
struct queue_item *ring_first(const struct run_queue *queue); /* NULL: there is none in memory */
void ring_take(struct run_queue *queue, const struct queue_item *first);
/* The crank is kept, and its journal closed: what it took out of parking places joins the queue. */
void ring_keep(struct run_queue *queue);
void ring_undo(struct state *state);
uint64_t ring_memory(const struct run_queue *queue);
void items_add(struct item_list *list, struct queue_item *item);

void queue_open(struct state *state);
void queue_close(struct state *state);
void queue_forget(struct state *state);     /* all rows are clean: back to the database */
void queue_trim(struct state *state);       /* gives back memory that a longer queue has needed */
void transcripts_keep(struct state *state); /* the crank's entries join the block's */
void transcripts_flush(struct state *state);
void transcripts_free(struct state *state);
/* An encoded change that says what a key was before the block, for the row of its vat. */
void transcript_before(struct state *state, uint64_t vat, struct bytes change);

/* No count and no number that a kernel wrote is larger; a row with one is damaged. */
#define NUMBER_MAX (INT64_C(1) << 59)
bool number_is_sane(int64_t number); /* 0 to NUMBER_MAX */

/* Column helpers: text forms in the scratch buffer of at least REF_TEXT_MAX. */
struct kref query_kref(struct query *query, int column);
struct blob *query_blob(struct query *query, int body, int slots);
const char *optional_kref(struct kref kref, char *text);               /* NULL for none */
struct bytes slots_text(struct state *state, const struct blob *blob); /* until the next call */

#endif
