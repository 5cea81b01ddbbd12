#include "state/internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RING_FIRST 256
#define RING_START (UINT64_C(1) << 40) /* so that older rows can be put in front */
#define BATCH 1024                     /* rows loaded at once */

static const char *const kind_names[] = {"message", "notify", "upgrade"};

/* Rows */

static void
retain(void *row)
{
    struct queue_item *item = row;
    blob_hold(item->method);
    blob_hold(item->value);
}

static void
release(void *row)
{
    struct queue_item *item = row;
    blob_drop(item->method);
    blob_drop(item->value);
}

static void
store(struct state *state, void *row)
{
    struct queue_item *item = row;
    char target[REF_TEXT_MAX];
    char result[REF_TEXT_MAX];
    int64_t at[QUEUE_ON_END + 1] = {0};
    at[item->place] = (int64_t)item->place_id;
    db_run(state->db,
        "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?,"
        " nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, 0), ?, ?)",
        "ittsbstiiiiiiii", (int64_t)item->seq, kind_names[item->kind],
        kref_print(item->target, target), blob_bytes(item->method), blob_bytes(item->value),
        slots_text(state, item->value), optional_kref(item->result, result), (int64_t)item->vat,
        item->attempt, at[QUEUE_ON_PROMISE], at[QUEUE_ON_VAT], at[QUEUE_ON_SERVICE],
        at[QUEUE_ON_END], (int64_t)item->cause_crank, (int64_t)item->cause_syscall);
}

static void
erase(struct state *state, void *row)
{
    db_run(state->db, "DELETE FROM queue WHERE seq = ?", "i",
        (int64_t)((struct queue_item *)row)->seq);
}

const struct row_type item_type = {sizeof(struct queue_item), retain, release, store, erase};

#define ITEM_COLUMNS                                                                               \
    "SELECT seq, kind, target, method, body, slots, result, vat, attempt, cause_crank,"            \
    " cause_syscall FROM queue "

static struct queue_item *
adopt(struct state *state, struct query *query)
{
    uint64_t seq = (uint64_t)query_integer(query, 0);
    struct queue_item *item = table_adopt(&state->items, hash_number(seq));
    item->seq = seq;
    struct bytes kind = query_bytes(query, 1);
    int k = 0;
    while (k < 3 && !bytes_equal(kind, bytes_of(kind_names[k])))
        k++;
    item->kind = (enum queue_kind)(k % 3);
    item->target = query_kref(query, 2);
    item->method = blob_new(query_bytes(query, 3), NULL, 0);
    item->value = query_blob(query, 4, 5);
    item->result = query_null(query, 6) ? KREF_NONE : query_kref(query, 6);
    item->vat = (uint64_t)query_integer(query, 7);
    item->attempt = query_integer(query, 8);
    item->cause_crank = (uint64_t)query_integer(query, 9);
    item->cause_syscall = (uint64_t)query_integer(query, 10);
    bool good = item->kind != QUEUE_NOTIFY || kref_is_promise(item->target);
    good = good && (query_null(query, 6) || kref_is_promise(item->result));
    if (k == 3 || item->value == NULL || kref_is_none(item->target) || !good)
        db_damaged(state->db, "queue", (int64_t)seq);
    if (item->value == NULL)
        item->value = blob_new((struct bytes){NULL, 0}, NULL, 0);
    return item;
}

/* The ring */

static struct queue_item **
slot_of(struct run_queue *queue, uint64_t position)
{
    return &queue->ring[position & (queue->capacity - 1)];
}

static void
find_unloaded(struct state *state)
{
    struct run_queue *queue = &state->queue;
    struct query *query = db_query(state->db,
        "SELECT min(seq), max(seq), count(*) FROM queue"
        " WHERE coalesce(on_promise, on_vat, on_service, on_end) IS NULL",
        "");
    if (query_next(query) && !query_null(query, 0)) {
        queue->unloaded_first = (uint64_t)query_integer(query, 0);
        queue->unloaded_last = (uint64_t)query_integer(query, 1);
        queue->unloaded_count = (uint64_t)query_integer(query, 2);
    } else {
        queue->unloaded_first = 1;
        queue->unloaded_last = queue->unloaded_count = 0;
    }
    query_end(query);
}

void
queue_open(struct state *state)
{
    struct run_queue *queue = &state->queue;
    queue->capacity = RING_FIRST;
    queue->ring = memory_zero(RING_FIRST * sizeof *queue->ring);
    queue->head = queue->tail = RING_START;
    find_unloaded(state);
}

void
queue_close(struct state *state)
{
    free(state->queue.ring);
}

void
queue_forget(struct state *state)
{
    state->queue.head = state->queue.tail = RING_START;
    find_unloaded(state);
}

/* Makes room for one more item at either end. Positions of an open crank's consumed items stay:
   its undo needs them. */
static void
make_room(struct state *state)
{
    struct run_queue *queue = &state->queue;
    uint64_t head = state->journal.open ? state->undo_head : queue->head;
    if (queue->head < head)
        head = queue->head;
    if (queue->tail - head + 1 < queue->capacity)
        return;
    uint64_t capacity = queue->capacity * 2;
    struct queue_item **ring = memory_zero(capacity * sizeof *ring);
    for (uint64_t at = head; at < queue->tail; at++)
        ring[at & (capacity - 1)] = *slot_of(queue, at);
    free(queue->ring);
    queue->ring = ring;
    queue->capacity = capacity;
}

static void
append(struct state *state, struct queue_item *item)
{
    make_room(state);
    *slot_of(&state->queue, state->queue.tail++) = item;
}

/* Loads the oldest rows that are not in memory, and puts them in front. */
static void
load_batch(struct state *state)
{
    struct run_queue *queue = &state->queue;
    assert(!state->journal.open && queue->head == queue->tail);
    uint64_t last = 0;
    struct query *query = db_query(state->db,
        ITEM_COLUMNS
        "WHERE coalesce(on_promise, on_vat, on_service, on_end) IS NULL AND seq BETWEEN ? AND ?"
        " ORDER BY seq LIMIT 1024",
        "ii", (int64_t)queue->unloaded_first, (int64_t)queue->unloaded_last);
    uint64_t loaded = 0;
    while (query_next(query)) {
        struct queue_item *item = adopt(state, query);
        last = item->seq;
        append(state, item);
        loaded++;
    }
    query_end(query);
    queue->unloaded_first = last + 1;
    queue->unloaded_count -= loaded;
    if (loaded < BATCH)
        queue->unloaded_last = queue->unloaded_count = 0;
}

struct queue_item *
queue_head(struct state *state)
{
    struct run_queue *queue = &state->queue;
    if (queue->unloaded_count > 0 && !state->journal.open) {
        /* those in memory are younger: they step aside, and line up again behind */
        uint64_t count = queue->tail - queue->head;
        bool loaded_is_older =
            count > 0 && (*slot_of(queue, queue->head))->seq < queue->unloaded_first;
        if (!loaded_is_older) {
            struct queue_item **younger = memory_new(count * sizeof(struct queue_item *));
            for (uint64_t i = 0; i < count; i++)
                younger[i] = *slot_of(queue, queue->head + i);
            queue->tail = queue->head;
            load_batch(state);
            for (uint64_t i = 0; i < count; i++)
                append(state, younger[i]);
            free(younger);
        }
    }
    return queue->head == queue->tail ? NULL : *slot_of(queue, queue->head);
}

uint64_t
queue_length(const struct state *state)
{
    return state->queue.tail - state->queue.head + state->queue.unloaded_count;
}

/* Items */

static struct queue_item *
new_item(struct state *state, enum queue_kind kind)
{
    uint64_t seq = state_next(state, COUNTER_SEQ);
    struct queue_item *item = table_insert(&state->items, &state->journal, hash_number(seq));
    item->seq = seq;
    item->kind = kind;
    return item;
}

struct queue_item *
queue_push(struct state *state, enum queue_kind kind)
{
    struct queue_item *item = new_item(state, kind);
    item->cause_crank = state_last(state, COUNTER_CRANK) + 1;
    append(state, item);
    return item;
}

void
queue_touch(struct state *state, struct queue_item *item)
{
    row_touch(&state->items, &state->journal, item);
}

static void
take_head(struct state *state, const struct queue_item *head)
{
    assert(*slot_of(&state->queue, state->queue.head) == head);
    (void)head;
    state->queue.head++;
}

void
queue_consume(struct state *state, struct queue_item *head)
{
    take_head(state, head);
    row_delete(&state->items, &state->journal, head);
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

/* The same item as a new and last row, since rows come back in order of seq. */
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
    row_delete(&state->items, &state->journal, old);
    return item;
}

void
queue_park_on_promise(struct state *state, struct queue_item *head, struct promise *promise)
{
    take_head(state, head);
    if (promise->parked_last != NULL && promise->parked_last->seq > head->seq)
        head = renumber(state, head);
    queue_touch(state, head);
    promise_touch(state, promise);
    head->place = QUEUE_ON_PROMISE;
    head->place_id = promise->id;
    park(state, head, &promise->parked_first, &promise->parked_last);
}

void
queue_park_on_vat(struct state *state, struct queue_item *head, struct vat_record *vat)
{
    take_head(state, head);
    queue_touch(state, head);
    vat_touch(state, vat);
    head->place = QUEUE_ON_VAT;
    head->place_id = vat->id;
    park(state, head, &vat->parked_first, &vat->parked_last);
}

static void
unpark(struct state *state, struct queue_item *first)
{
    while (first != NULL) {
        struct queue_item *next = first->parked_next;
        append(state, renumber(state, first));
        first = next;
    }
}

void
queue_set_aside(struct state *state, struct queue_item *item, enum queue_place place, uint64_t id)
{
    if (item->place == QUEUE_RUN)
        take_head(state, item);
    queue_touch(state, item);
    item->place = place;
    item->place_id = id;
}

void
queue_finish(struct state *state, struct queue_item *item)
{
    row_delete(&state->items, &state->journal, item);
}

struct queue_item *
queue_get(struct state *state, uint64_t seq)
{
    struct row *row = table_first(&state->items, hash_number(seq));
    for (; row != NULL; row = row->next) {
        if (((struct queue_item *)row)->seq == seq)
            return row->dead ? NULL : (struct queue_item *)row;
    }
    struct query *query = db_query(state->db,
        "SELECT seq, kind, target, method, body, slots, result, vat, attempt, cause_crank,"
        " cause_syscall, on_service, on_end FROM queue WHERE seq = ?"
        " AND coalesce(on_service, on_end) IS NOT NULL",
        "i", (int64_t)seq);
    struct queue_item *item = NULL;
    if (query_next(query)) {
        item = adopt(state, query);
        bool on_end = query_null(query, 11);
        item->place = on_end ? QUEUE_ON_END : QUEUE_ON_SERVICE;
        item->place_id = (uint64_t)query_integer(query, on_end ? 12 : 11);
    }
    query_end(query);
    return item;
}

uint64_t *
queue_waiting(struct state *state, enum queue_place place, uint64_t id, size_t *count)
{
    state_flush(state);
    uint64_t *list = NULL;
    *count = 0;
    struct query *query = db_query(state->db,
        "SELECT seq FROM queue WHERE iif(?1, on_end, on_service) IS NOT NULL"
        " AND (?2 = 0 OR iif(?1, on_end, on_service) = ?2) ORDER BY seq",
        "ii", (int64_t)(place == QUEUE_ON_END), (int64_t)id);
    while (query_next(query)) {
        list = memory_resize(list, (*count + 1) * sizeof *list);
        list[(*count)++] = (uint64_t)query_integer(query, 0);
    }
    query_end(query);
    return list;
}

void
queue_unpark_promise(struct state *state, struct promise *promise)
{
    if (promise->parked_first == NULL)
        return;
    promise_touch(state, promise);
    unpark(state, promise->parked_first);
    promise->parked_first = promise->parked_last = NULL;
}

void
queue_unpark_vat(struct state *state, struct vat_record *vat)
{
    if (vat->parked_first == NULL)
        return;
    vat_touch(state, vat);
    unpark(state, vat->parked_first);
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
        struct queue_item *moved = renumber(state, item);
        moved->place = QUEUE_ON_PROMISE;
        moved->place_id = to->id;
        park(state, moved, &to->parked_first, &to->parked_last);
        item = next;
    }
    from->parked_first = from->parked_last = NULL;
}

static const char *const parked_sql[] = {
    [QUEUE_ON_PROMISE] = ITEM_COLUMNS "WHERE on_promise = ? ORDER BY seq",
    [QUEUE_ON_VAT] = ITEM_COLUMNS "WHERE on_vat = ? ORDER BY seq",
};

void
queue_load_parked(struct state *state, enum queue_place place, uint64_t id,
    struct queue_item **first, struct queue_item **last)
{
    struct query *query = db_query(state->db, parked_sql[place], "i", (int64_t)id);
    while (query_next(query)) {
        struct queue_item *item = adopt(state, query);
        item->place = place;
        item->place_id = id;
        if (*last == NULL)
            *first = item;
        else
            (*last)->parked_next = item;
        *last = item;
    }
    query_end(query);
}
