#include "state/queue.h"

#include "state/blob.h"
#include "state/internal.h"
#include "state/promise.h"
#include "state/queue_item.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"
#include "state/vat_record.h"
#include "store/query.h"

#include <assert.h>

/* What is in memory, and what is not */

/* Rows that may be in the database alone: all. Opening looks at none of them. */
static void
all_unloaded(struct state *state)
{
    state->unloaded_first = 1;
    state->unloaded_last = counter_last(state, COUNTER_SEQ);
}

void
queue_open(struct state *state)
{
    ring_open(&state->queue);
    all_unloaded(state);
}

void
queue_forget(struct state *state)
{
    ring_empty(&state->queue);
    all_unloaded(state);
}

/* Loads the oldest rows that are not in memory, and puts them in front. Some between them may be
   in memory: they had waited elsewhere, and have come back. */
static void
load_batch(struct state *state)
{
    assert(!state->journal.open && state->queue.head == state->queue.tail);
    uint64_t last = 0;
    struct query *query = db_query(state->db, STATEMENT_QUEUE_RUN, (int64_t)state->unloaded_first,
        (int64_t)state->unloaded_last);
    uint64_t found = 0;
    for (; query_next(query); found++) {
        last = (uint64_t)query_integer(query, 0);
        if (queue_item_in_memory(state, last) != NULL)
            continue;
        const struct queue_item *item = queue_item_adopt(state, query);
        row_seal(&state->tables[TABLE_QUEUE], item);
        ring_append(&state->queue, item);
    }
    query_end(query);
    state->unloaded_first = last + 1;
    if (found < QUEUE_ITEM_BATCH)
        state->unloaded_last = 0;
}

/* The same when there are younger ones in memory: they step aside, and line up again behind. */
static void
load_before_younger(struct state *state)
{
    struct item_list younger = ring_step_aside(&state->queue);
    load_batch(state);
    ring_step_back(&state->queue, &younger);
}

const struct queue_item *
queue_head(struct state *state)
{
    const struct queue_item *first = ring_first(&state->queue);
    while (state->unloaded_first <= state->unloaded_last && !state->journal.open &&
           (first == NULL || first->seq > state->unloaded_first)) {
        load_before_younger(state);
        first = ring_first(&state->queue);
    }
    return first;
}

/* Items */

struct queue_item *
queue_push(struct state *state, enum queue_kind kind)
{
    struct queue_item *item = queue_item_new(state, kind);
    ring_append(&state->queue, item);
    return item;
}

void
queue_set_target(struct state *state, struct queue_item *message, struct kref target)
{
    assert(kref_is_none(message->target));
    message->target = target;
    if (kref_is_promise(target))
        promise_count_queued(state, kref_number(target), 1);
}

void
queue_consume(struct state *state, const struct queue_item *head)
{
    ring_take(&state->queue, head);
    row_delete(&state->tables[TABLE_QUEUE], &state->journal, head);
}

void
queue_set_aside(
    struct state *state, const struct queue_item *item, enum queue_place place, uint64_t id)
{
    assert(place == QUEUE_ON_SERVICE || place == QUEUE_ON_END);
    if (item->place == QUEUE_RUN)
        ring_take(&state->queue, item);
    struct queue_item *edit = queue_item_edit(state, item);
    edit->place = place;
    edit->place_id = id;
}

void
queue_finish(struct state *state, const struct queue_item *item)
{
    assert(item->place == QUEUE_ON_SERVICE || item->place == QUEUE_ON_END);
    row_delete(&state->tables[TABLE_QUEUE], &state->journal, item);
}

/* Parking */

static void
park(struct state *state, struct queue_item *item, const struct queue_item **first,
    const struct queue_item **last)
{
    assert((*first == NULL) == (*last == NULL) && *last != item);
    item->parked_next = NULL;
    if (*last == NULL)
        *first = item;
    else
        queue_item_edit(state, *last)->parked_next = item;
    *last = item;
}

/* By what those parked on one promise are in order, in memory and as they come back from disk. */
static uint64_t
line_number(const struct queue_item *item)
{
    return item->line != 0 ? item->line : item->seq;
}

/* As the last. It keeps its own number: by that it may have to go back to the run queue. */
static void
park_last(struct state *state, const struct queue_item *read, const struct promise *promise)
{
    assert(promise->state == PROMISE_UNRESOLVED);
    struct queue_item *item = queue_item_edit(state, read);
    struct promise *edit = promise_edit(state, promise);
    item->place = QUEUE_ON_PROMISE;
    item->place_id = promise->id;
    if (promise->parked_last != NULL && line_number(promise->parked_last) > line_number(item))
        item->line = counter_next(state, COUNTER_SEQ);
    park(state, item, &edit->parked_first, &edit->parked_last);
}

void
queue_park_on_promise(
    struct state *state, const struct queue_item *head, const struct promise *promise)
{
    assert(head->kind == QUEUE_MESSAGE);
    ring_take(&state->queue, head);
    promise_count_queued(state, kref_number(head->target), -1);
    park_last(state, head, promise);
}

void
queue_park_on_vat(struct state *state, const struct queue_item *head, const struct vat_record *vat)
{
    ring_take(&state->queue, head);
    struct queue_item *item = queue_item_edit(state, head);
    struct vat_record *edit = vat_record_edit(state, vat);
    item->place = QUEUE_ON_VAT;
    item->place_id = vat->id;
    park(state, item, &edit->parked_first, &edit->parked_last);
}

/* The same item as a new and last row, since the run queue's rows come back in order of seq. */
static const struct queue_item *
renumber(struct state *state, const struct queue_item *old)
{
    struct queue_item *item = queue_item_new(state, old->kind);
    item->target = old->target;
    item->method = blob_hold(old->method);
    item->value = blob_hold(old->value);
    item->result = old->result;
    item->vat = old->vat;
    item->cause_crank = old->cause_crank;
    item->cause_syscall = old->cause_syscall;
    row_delete(&state->tables[TABLE_QUEUE], &state->journal, old);
    return item;
}

static void
to_the_end(struct state *state, const struct queue_item *parked)
{
    while (parked != NULL) {
        const struct queue_item *next = parked->parked_next;
        ring_append(&state->queue, renumber(state, parked));
        parked = next;
    }
}

/* To where they came from, by seq, when the crank is kept. */
static void
go_back(struct state *state, const struct queue_item *parked)
{
    while (parked != NULL) {
        const struct queue_item *next = parked->parked_next;
        struct queue_item *item = queue_item_edit(state, parked);
        item->line = 0;
        item->place = QUEUE_RUN;
        item->place_id = 0;
        item->parked_next = NULL;
        ring_return(&state->queue, item);
        parked = next;
    }
}

void
queue_unpark_promise(struct state *state, const struct promise *promise, bool back)
{
    if (promise->parked_first == NULL)
        return;
    struct promise *edit = promise_edit(state, promise);
    if (back)
        go_back(state, promise->parked_first);
    else
        to_the_end(state, promise->parked_first);
    edit->parked_first = edit->parked_last = NULL;
}

void
queue_unpark_vat(struct state *state, const struct vat_record *vat)
{
    if (vat->parked_first == NULL)
        return;
    struct vat_record *edit = vat_record_edit(state, vat);
    go_back(state, vat->parked_first);
    edit->parked_first = edit->parked_last = NULL;
}

void
queue_repark(struct state *state, const struct promise *from, const struct promise *to)
{
    if (from->parked_first == NULL)
        return;
    struct promise *edit = promise_edit(state, from);
    for (const struct queue_item *item = from->parked_first; item != NULL;) {
        const struct queue_item *next = item->parked_next;
        park_last(state, item, to);
        item = next;
    }
    edit->parked_first = edit->parked_last = NULL;
}

void
queue_load_parked(struct state *state, enum queue_place place, uint64_t id,
    const struct queue_item **first, const struct queue_item **last)
{
    struct queue_item *before = NULL;
    assert(place == QUEUE_ON_PROMISE || place == QUEUE_ON_VAT);
    struct query *query = db_query(state->db,
        place == QUEUE_ON_PROMISE ? STATEMENT_QUEUE_OF_PROMISE : STATEMENT_QUEUE_OF_VAT,
        (int64_t)id);
    while (query_next(query)) {
        uint64_t seq = (uint64_t)query_integer(query, 0);
        if (queue_item_in_memory(state, seq) != NULL) { /* as one that waits elsewhere, too */
            db_damaged(state->db, "queue", (int64_t)seq);
            continue;
        }
        struct queue_item *item = queue_item_adopt(state, query);
        item->place = place; /* whatever other places the row names */
        item->place_id = id;
        if (!columns_sane((int64_t)item->line))
            db_damaged(state->db, "queue", (int64_t)item->seq);
        if (before == NULL)
            *first = item;
        else
            before->parked_next = item;
        *last = before = item;
    }
    query_end(query);
    for (const struct queue_item *item = *first; item != NULL; item = item->parked_next)
        row_seal(&state->tables[TABLE_QUEUE], item);
}
