#include "base/hash.h"
#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1024 /* rows loaded at once */

static const char *const kind_names[] = {"message", "notify", "upgrade", NULL};

/* Rows */

#define AT(member) .offset = offsetof(struct queue_item, member)
#define AT_PLACE(which)                                                                            \
    .optional = true, .tag_at = offsetof(struct queue_item, place), .tag = (which)

static const struct column columns[] = {
    {"seq", IS_NUMBER, AT(seq), .role = ROLE_KEY},
    {"kind", IS_NAME, AT(kind), .names = kind_names},
    {"target", IS_KREF, AT(target)},
    {"method", IS_TEXT, AT(method)},
    {"body", IS_BODY, AT(value)},
    {"slots", IS_SLOTS, AT(value)},
    {"result", IS_KREF, AT(result), .optional = true},
    {"vat", IS_NUMBER, AT(vat), .optional = true},
    {"attempt", IS_NUMBER, AT(attempt)},
    {"on_promise", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_PROMISE)},
    {"on_vat", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_VAT)},
    {"on_service", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_SERVICE)},
    {"on_end", IS_NUMBER, AT(place_id), AT_PLACE(QUEUE_ON_END)},
    {"cause_crank", IS_NUMBER, AT(cause_crank)},
    {"cause_syscall", IS_NUMBER, AT(cause_syscall)},
    {"line", IS_NUMBER, AT(line)},
    {0},
};

static const struct row_select selects[] = {
    {STATEMENT_QUEUE_OF_PROMISE, "on_promise = ? ORDER BY iif(line <> 0, line, seq)", "i"},
    {STATEMENT_QUEUE_OF_VAT, "on_vat = ? ORDER BY seq", "i"},
    {STATEMENT_QUEUE_RUN,
        "coalesce(on_promise, on_vat, on_service, on_end) IS NULL"
        " AND seq BETWEEN ? AND ? ORDER BY seq LIMIT 1024",
        "ii"},
    {STATEMENT_QUEUE_CALL, "seq = ? AND coalesce(on_service, on_end) IS NOT NULL", "i"},
    {0},
};

const struct row_type item_type = {
    .name = "queue",
    .size = sizeof(struct queue_item),
    .columns = columns,
    .selects = selects,
    .write_by = STATEMENT_QUEUE_WRITE,
    .erase_by = STATEMENT_QUEUE_ERASE,
};

static struct queue_item *
adopt(struct state *state, struct query *query)
{
    struct table *table = &state->tables[NOUN_QUEUE];
    uint64_t seq = (uint64_t)query_integer(query, 0);
    struct queue_item *item = table_adopt(table, hash_number(seq));
    bool good = columns_read(&table->columns, query, item);
    good = good && (item->kind != QUEUE_NOTIFY || kref_is_promise(item->target));
    good = good && (kref_is_none(item->result) || kref_is_promise(item->result));
    if (!good || item->value == NULL)
        db_damaged(state->db, "queue", (int64_t)seq);
    if (item->value == NULL)
        item->value = blob_empty();
    return item;
}

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

static struct queue_item *
in_memory(const struct state *state, uint64_t seq)
{
    struct row *row = table_first(&state->tables[NOUN_QUEUE], hash_number(seq));
    while (row != NULL && ((struct queue_item *)row)->seq != seq)
        row = row->next;
    return (struct queue_item *)row;
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
        if (in_memory(state, last) != NULL)
            continue;
        ring_append(&state->queue, adopt(state, query));
    }
    query_end(query);
    state->unloaded_first = last + 1;
    if (found < BATCH)
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

struct queue_item *
queue_head(struct state *state)
{
    struct queue_item *first = ring_first(&state->queue);
    while (state->unloaded_first <= state->unloaded_last && !state->journal.open &&
           (first == NULL || first->seq > state->unloaded_first)) {
        load_before_younger(state);
        first = ring_first(&state->queue);
    }
    return first;
}

/* Items */

static struct queue_item *
new_item(struct state *state, enum queue_kind kind)
{
    uint64_t seq = counter_next(state, COUNTER_SEQ);
    struct queue_item *item =
        table_insert(&state->tables[NOUN_QUEUE], &state->journal, hash_number(seq));
    item->seq = seq;
    item->kind = kind;
    return item;
}

struct queue_item *
queue_push(struct state *state, enum queue_kind kind)
{
    struct queue_item *item = new_item(state, kind);
    ring_append(&state->queue, item);
    return item;
}

void
queue_set_target(struct state *state, struct queue_item *message, struct kref target)
{
    message->target = target;
    if (kref_is_promise(target))
        promise_count_queued(state, kref_number(target), 1);
}

void
queue_touch(struct state *state, struct queue_item *item)
{
    row_touch(&state->tables[NOUN_QUEUE], &state->journal, item);
}

void
queue_consume(struct state *state, struct queue_item *head)
{
    ring_take(&state->queue, head);
    row_delete(&state->tables[NOUN_QUEUE], &state->journal, head);
}

static void
park(struct state *state, struct queue_item *item, struct queue_item **first,
    struct queue_item **last)
{
    item->parked_next = NULL;
    if (*last == NULL) {
        *first = item;
    } else {
        queue_touch(state, *last);
        (*last)->parked_next = item;
    }
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
park_last(struct state *state, struct queue_item *item, struct promise *promise)
{
    queue_touch(state, item);
    item->place = QUEUE_ON_PROMISE;
    item->place_id = promise->id;
    if (promise->parked_last != NULL && line_number(promise->parked_last) > line_number(item))
        item->line = counter_next(state, COUNTER_SEQ);
    park(state, item, &promise->parked_first, &promise->parked_last);
}

void
queue_park_on_promise(struct state *state, struct queue_item *head, struct promise *promise)
{
    ring_take(&state->queue, head);
    promise_count_queued(state, kref_number(head->target), -1);
    promise_touch(state, promise);
    park_last(state, head, promise);
}

void
queue_park_on_vat(struct state *state, struct queue_item *head, struct vat_record *vat)
{
    ring_take(&state->queue, head);
    queue_touch(state, head);
    vat_record_touch(state, vat);
    head->place = QUEUE_ON_VAT;
    head->place_id = vat->id;
    park(state, head, &vat->parked_first, &vat->parked_last);
}

/* The same item as a new and last row, since the run queue's rows come back in order of seq. */
static struct queue_item *
renumber(struct state *state, struct queue_item *old)
{
    struct queue_item *item = new_item(state, old->kind);
    item->target = old->target;
    item->method = blob_hold(old->method);
    item->value = blob_hold(old->value);
    item->result = old->result;
    item->vat = old->vat;
    item->cause_crank = old->cause_crank;
    item->cause_syscall = old->cause_syscall;
    row_delete(&state->tables[NOUN_QUEUE], &state->journal, old);
    return item;
}

static void
to_the_end(struct state *state, struct queue_item *parked)
{
    while (parked != NULL) {
        struct queue_item *next = parked->parked_next;
        ring_append(&state->queue, renumber(state, parked));
        parked = next;
    }
}

/* To where they came from, by seq, when the crank is kept. */
static void
go_back(struct state *state, struct queue_item *parked)
{
    while (parked != NULL) {
        struct queue_item *next = parked->parked_next;
        queue_touch(state, parked);
        parked->line = 0;
        parked->place = QUEUE_RUN;
        parked->place_id = 0;
        parked->parked_next = NULL;
        ring_return(&state->queue, parked);
        parked = next;
    }
}

void
queue_set_aside(struct state *state, struct queue_item *item, enum queue_place place, uint64_t id)
{
    if (item->place == QUEUE_RUN)
        ring_take(&state->queue, item);
    queue_touch(state, item);
    item->place = place;
    item->place_id = id;
}

void
queue_finish(struct state *state, struct queue_item *item)
{
    row_delete(&state->tables[NOUN_QUEUE], &state->journal, item);
}

struct queue_item *
queue_get(struct state *state, uint64_t seq)
{
    struct queue_item *item = in_memory(state, seq);
    if (item != NULL)
        return item->row.dead ? NULL : item;
    struct query *query = db_query(state->db, STATEMENT_QUEUE_CALL, (int64_t)seq);
    item = query_next(query) ? adopt(state, query) : NULL;
    query_end(query);
    return item;
}

static uint64_t *
list_seqs(struct query *query, size_t *count)
{
    uint64_t *list = NULL;
    *count = 0;
    while (query_next(query)) {
        list = memory_resize(list, (*count + 1) * sizeof *list);
        list[(*count)++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    return list;
}

/* By the index, which +seq keeps SQLite to: the queue may be long. */
uint64_t *
queue_calls(struct state *state, size_t *count)
{
    state_flush(state);
    return list_seqs(db_query(state->db, STATEMENT_QUEUE_CALLS), count);
}

uint64_t *
queue_waiting_for_end(struct state *state, uint64_t vat, size_t *count)
{
    state_flush(state);
    return list_seqs(db_query(state->db, STATEMENT_QUEUE_WAITING_FOR_END, (int64_t)vat), count);
}

void
queue_unpark_promise(struct state *state, struct promise *promise, bool back)
{
    if (promise->parked_first == NULL)
        return;
    promise_touch(state, promise);
    if (back)
        go_back(state, promise->parked_first);
    else
        to_the_end(state, promise->parked_first);
    promise->parked_first = promise->parked_last = NULL;
}

void
queue_unpark_vat(struct state *state, struct vat_record *vat)
{
    if (vat->parked_first == NULL)
        return;
    vat_record_touch(state, vat);
    go_back(state, vat->parked_first);
    vat->parked_first = vat->parked_last = NULL;
}

void
queue_repark(struct state *state, struct promise *from, struct promise *to)
{
    if (from->parked_first == NULL)
        return;
    promise_touch(state, from);
    promise_touch(state, to);
    for (struct queue_item *item = from->parked_first; item != NULL;) {
        struct queue_item *next = item->parked_next;
        park_last(state, item, to);
        item = next;
    }
    from->parked_first = from->parked_last = NULL;
}

void
queue_load_parked(struct state *state, enum queue_place place, uint64_t id,
    struct queue_item **first, struct queue_item **last)
{
    bool of_promise = place == QUEUE_ON_PROMISE;
    struct query *query = db_query(
        state->db, of_promise ? STATEMENT_QUEUE_OF_PROMISE : STATEMENT_QUEUE_OF_VAT, (int64_t)id);
    while (query_next(query)) {
        struct queue_item *item = adopt(state, query);
        item->place = place; /* whatever other places the row names */
        item->place_id = id;
        if (!columns_sane((int64_t)item->line))
            db_damaged(state->db, "queue", (int64_t)item->seq);
        if (*last == NULL)
            *first = item;
        else
            (*last)->parked_next = item;
        *last = item;
    }
    query_end(query);
}
