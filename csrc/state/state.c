#include "state/state.h"

#include "base/memory.h"
#include "state/internal.h"
#include "store/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 400000 /* clean rows that may stay in memory after a commit */

/* Columns */

struct kref
query_kref(struct query *query, int column)
{
    return kref_parse(query_bytes(query, column));
}

struct blob *
query_blob(struct query *query, int body, int slots)
{
    struct bytes names = {NULL, 0};
    if (slots >= 0)
        names = query_bytes(query, slots);
    struct bytes bytes = query_bytes(query, body);
    return blob_parse(bytes, names);
}

const char *
optional_kref(struct kref kref, char *text)
{
    return kref_is_none(kref) ? NULL : kref_print(kref, text);
}

struct bytes
slots_text(struct state *state, const struct blob *blob)
{
    buf_clear(&state->scratch);
    blob_print_slots(blob, &state->scratch);
    return buf_view(&state->scratch);
}

bool
number_is_sane(int64_t number)
{
    return number >= 0 && number <= NUMBER_MAX;
}

/* Life */

/* Grows with every crank and every message. */
static uint64_t
progress(const struct state *state)
{
    return state->counters[COUNTER_CRANK] + state->counters[COUNTER_SEQ];
}

static void
check_progress(struct state *state)
{
    if (progress(state) >= db_lock(state->db)->progress) {
        /* the log may hold commits of runs before */
        lock_acknowledge(db_lock(state->db), progress(state));
        return;
    }
    struct buf reason = {0};
    char *path = lock_real_path(db_path(state->db));
    buf_format(&reason,
        " has less than was committed to it: its log %s-wal was removed or cut, or it is a copy"
        " from before; put the log back, or remove %s-lock to go on with what is there",
        path, path);
    db_fail(state->db, buf_string(&reason));
    free(path);
    buf_free(&reason);
}

struct state *
state_open(const char *path, enum db_mode mode, char **error)
{
    struct db *db = db_open(path, mode, error);
    if (db == NULL)
        return NULL;
    struct state *state = memory_zero(sizeof *state);
    state->db = db;
    table_open(&state->objects, &object_type);
    table_open(&state->promises, &promise_type);
    table_open(&state->clists, &clist_type);
    table_open(&state->items, &item_type);
    table_open(&state->vats, &vat_type);
    table_open(&state->holds, &hold_type);
    table_open(&state->stored, &stored_type);
    counter_load_all(state);
    check_progress(state);
    queue_open(state);
    if (db_error(db) != NULL) {
        *error = memory_text(db_error(db));
        state_close(state);
        return NULL;
    }
    return state;
}

static void
each_table(struct state *state, void (*act)(struct table *table))
{
    act(&state->clists);
    act(&state->items);
    act(&state->promises);
    act(&state->objects);
    act(&state->vats);
    act(&state->holds);
    act(&state->stored);
}

void
state_close(struct state *state)
{
    if (state == NULL)
        return;
    if (state->journal.open)
        state_undo(state);
    each_table(state, table_close);
    queue_close(state);
    transcripts_free(state);
    journal_free(&state->journal);
    buf_free(&state->pending);
    buf_free(&state->scratch);
    db_close(state->db);
    free(state);
}

struct db *
state_db(struct state *state)
{
    return state->db;
}

const char *
state_error(const struct state *state)
{
    return db_error(state->db);
}

/* Cranks */

void
state_begin(struct state *state)
{
    journal_begin(&state->journal);
    memcpy(state->undo_counters, state->counters, sizeof state->counters);
    state->undo_head = state->queue.head;
    state->undo_tail = state->queue.tail;
}

void
state_keep(struct state *state)
{
    transcripts_keep(state);
    journal_commit(&state->journal);
    state->applied = false;
    ring_keep(&state->queue);
}

void
state_undo(struct state *state)
{
    buf_clear(&state->pending);
    journal_abort(&state->journal);
    state->applied = false;
    if (memcmp(state->counters, state->undo_counters, sizeof state->counters) != 0)
        state->counters_dirty = true; /* a flush may have written what is undone here */
    memcpy(state->counters, state->undo_counters, sizeof state->counters);
    ring_undo(state);
}

bool
state_in_crank(const struct state *state)
{
    return state->journal.open;
}

/* Blocks */

static bool
table_is_dirty(const struct table *table)
{
    return table->dirty.dirty_next != &table->dirty;
}

static bool
has_changes(const struct state *state)
{
    return state->counters_dirty || state->blocks != NULL || table_is_dirty(&state->objects) ||
           table_is_dirty(&state->promises) || table_is_dirty(&state->clists) ||
           table_is_dirty(&state->items) || table_is_dirty(&state->vats) ||
           table_is_dirty(&state->holds) || table_is_dirty(&state->stored);
}

bool
state_is_dirty(const struct state *state)
{
    return db_has_changes(state->db) || has_changes(state);
}

void
state_flush(struct state *state)
{
    if (!db_is_writable(state->db) || !has_changes(state))
        return;
    db_begin(state->db);
    counter_flush(state);
    table_flush(&state->vats, &state->journal, state);
    table_flush(&state->objects, &state->journal, state);
    table_flush(&state->promises, &state->journal, state);
    table_flush(&state->clists, &state->journal, state);
    table_flush(&state->items, &state->journal, state);
    table_flush(&state->holds, &state->journal, state);
    if (state->applied)
        return; /* a crank's values from before belong to a transcript row that begins with it */
    table_flush(&state->stored, &state->journal, state);
    transcripts_flush(state);
    if (!state->journal.open)
        table_forget(&state->stored); /* the next change notes what was before it */
}

/* All rows are clean after a commit, so forgetting them loses nothing. */
static void
bound_memory(struct state *state)
{
    size_t rows = state->objects.count + state->promises.count + state->clists.count +
                  state->items.count + state->vats.count + state->holds.count;
    if (rows <= ROWS_MAX)
        return;
    each_table(state, table_forget);
    queue_forget(state);
}

bool
state_commit(struct state *state)
{
    assert(!state->journal.open);
    state_flush(state);
    bool good = db_commit(state->db);
    if (good) {
        lock_acknowledge(db_lock(state->db), progress(state));
        bound_memory(state);
    }
    return good;
}

void
state_trim(struct state *state)
{
    each_table(state, table_trim);
    queue_trim(state);
    journal_free(&state->journal);
    buf_free(&state->pending);
    buf_free(&state->scratch);
    db_trim(state->db);
}

uint64_t
state_memory(const struct state *state)
{
    const struct table *tables[] = {&state->clists, &state->items, &state->promises,
        &state->objects, &state->vats, &state->holds, &state->stored};
    uint64_t size = ring_memory(&state->queue);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        size += table_memory(tables[i]);
    return size + journal_memory(&state->journal) + state->pending.capacity +
           state->scratch.capacity + db_memory(state->db);
}
