/* Rows in memory in front of rows on disk, and the journal that undoes a crank.
 *
 * 1. A row in memory is either as the database has it, or on its table's dirty list.
 * 2. Between journal_begin and journal_commit or journal_abort a row is changed only after
 *    row_touch, which keeps its pre-image once; journal_abort puts all of them back.
 * 3. A deleted row stays findable in its bucket as a tombstone (dead) until the crank commits and
 *    the database has heard of it; lookups skip it, and an insert of the same key revives it.
 * 4. What a row owns (blobs) is counted: a pre-image holds its own references, by retain.
 *
 * A noun's struct begins with struct row; its file keeps the lookups, by its own keys. */
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include "base/arena.h"

struct state;

struct row {
    struct row *next; /* in the bucket */
    struct row *dirty_next, *dirty_prev;
    uint64_t hash;
    uint64_t saved_in; /* number of the journal that has its pre-image */
    bool stored;       /* the database has a row of this key */
    bool dirty;
    bool dead;
};

struct row_type {
    size_t size;
    void (*retain)(void *row);  /* NULL: it owns nothing */
    void (*release)(void *row); /* drops what it owns */
    void (*store)(struct state *state, void *row);
    void (*erase)(struct state *state, void *row);
};

struct table {
    const struct row_type *type;
    struct row **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct row dirty; /* head of the ring of dirty rows, oldest first */
    struct row *spare;
};

struct journal {
    uint64_t number;
    bool open;
    struct arena arena; /* pre-images */
    struct journal_entry *entries;
    size_t count, capacity;
};

void table_open(struct table *table, const struct row_type *type);
void table_close(struct table *table);
/* Gives back memory that the rows of now do not need. */
void table_trim(struct table *table);
size_t table_memory(const struct table *table); /* bytes that it holds, but for what rows own */
/* First row with this hash that may match; follow row->next. The caller compares hash and key. */
struct row *table_first(const struct table *table, uint64_t hash);

/* A new row, zeroed but for its head, dirty. */
void *table_insert(struct table *table, struct journal *journal, uint64_t hash);
/* A row as the database has it: clean. */
void *table_adopt(struct table *table, uint64_t hash);
void row_touch(struct table *table, struct journal *journal, void *row);
void row_delete(struct table *table, struct journal *journal, void *row);
/* A tombstone becomes a live row again; the caller sets every field. */
void row_revive(struct table *table, struct journal *journal, void *row);

void journal_begin(struct journal *journal);
void journal_commit(struct journal *journal);
void journal_abort(struct journal *journal);
void journal_free(struct journal *journal); /* while it is not open; it may be used again */
size_t journal_memory(const struct journal *journal);

/* Writes what is dirty to the database. Legal while a journal is open. */
void table_flush(struct table *table, struct journal *journal, struct state *state);
/* Forgets every row; all must be clean. */
void table_forget(struct table *table);

#endif
