#include "state/state.h"

#include "base/memory.h"
#include "base/part.h"
#include "state/clist.h"
#include "state/hold.h"
#include "state/internal.h"
#include "state/object.h"
#include "state/promise.h"
#include "state/queue.h"
#include "state/queue_item.h"
#include "state/rows/columns.h"
#include "state/rows/row_sql.h"
#include "state/transcript.h"
#include "state/vat_record.h"
#include "state/vatstore.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROWS_MAX 400000 /* clean rows that may stay in memory after a commit */

static const struct row_type *const types[TABLE_COUNT] = {
    [TABLE_VAT] = &vat_record_type,
    [TABLE_OBJECT] = &object_type,
    [TABLE_PROMISE] = &promise_type,
    [TABLE_CLIST] = &clist_type,
    [TABLE_QUEUE] = &queue_item_type,
    [TABLE_HOLD] = &hold_type,
    [TABLE_STORED] = &vatstore_type,
};

#define TABLE(noun) PART(struct state, tables[noun], &table_kind)

static const struct part parts[] = {
    TABLE(TABLE_VAT),
    TABLE(TABLE_OBJECT),
    TABLE(TABLE_PROMISE),
    TABLE(TABLE_CLIST),
    TABLE(TABLE_QUEUE),
    TABLE(TABLE_HOLD),
    TABLE(TABLE_STORED),
    PART(struct state, queue, &ring_kind),
    PART(struct state, journal, &journal_kind),
    PART_BUF(struct state, pending),
    PART_BUF(struct state, scratch),
    PART_END,
};

/* Life */

/* Grows with every crank and every message. */
static uint64_t
progress(const struct state *state)
{
    return counter_last(state, COUNTER_CRANK) + counter_last(state, COUNTER_SEQ);
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
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        table_open(&state->tables[i], types[i]);
        row_sql_define(db, types[i]);
    }
    counter_load_all(state);
    check_progress(state);
    queue_open(state);
    if (db_error(db) != NULL) {
        *error = memory_text(db_error(db));
        state_close(state);
        errno = 0; /* closing may have met another process: that is not why */
        return NULL;
    }
    return state;
}

void
state_close(struct state *state)
{
    if (state == NULL)
        return;
    if (state->journal.open)
        state_undo(state);
    part_free(parts, state);
    transcript_free(state);
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
    counter_begin(state);
    ring_begin(&state->queue);
}

void
state_keep(struct state *state)
{
    transcript_keep(state);
    if (db_error(state->db) == NULL)
        journal_check(&state->journal);
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
    counter_undo(state);
    ring_undo(&state->queue);
}

bool
state_in_crank(const struct state *state)
{
    return state->journal.open;
}

/* Blocks */

static bool
has_changes(const struct state *state)
{
    bool dirty = counter_is_dirty(state) || state->blocks != NULL;
    for (size_t i = 0; i < TABLE_COUNT && !dirty; i++)
        dirty = table_is_dirty(&state->tables[i]);
    return dirty;
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
    for (size_t i = 0; i < TABLE_STORED; i++)
        table_flush(&state->tables[i], &state->journal, state);
    if (state->applied)
        return; /* a crank's values from before belong to a transcript row that begins with it */
    table_flush(&state->tables[TABLE_STORED], &state->journal, state);
    transcript_flush(state);
    if (!state->journal.open)
        table_forget(&state->tables[TABLE_STORED]); /* the next change notes what was before it */
}

/* All rows are clean after a commit, so forgetting them loses nothing. */
static void
bound_memory(struct state *state)
{
    size_t rows = 0;
    for (size_t i = 0; i < TABLE_COUNT; i++)
        rows += state->tables[i].count;
    if (rows <= ROWS_MAX)
        return;
    for (size_t i = 0; i < TABLE_COUNT; i++)
        table_forget(&state->tables[i]);
    queue_forget(state);
}

bool
state_commit(struct state *state)
{
    assert(!state->journal.open && !state->queue.open && state->pending.size == 0);
    state_flush(state);
    bool good = db_commit(state->db);
    if (good) {
        lock_acknowledge(db_lock(state->db), progress(state));
        for (size_t i = 0; i < TABLE_COUNT; i++)
            table_check(&state->tables[i], state->journal.number);
        bound_memory(state);
    }
    return good;
}

void
state_trim(struct state *state)
{
    part_trim(parts, state);
    db_trim(state->db);
}

uint64_t
state_memory(const struct state *state)
{
    return part_memory(parts, state) + db_memory(state->db);
}
