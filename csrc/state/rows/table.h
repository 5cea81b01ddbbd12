/* The rows of one noun in memory, in front of those on disk: found by hash, flushed when dirty.
 *
 * The noun's file keeps the lookups, by its own keys. */
#ifndef STATE_ROWS_TABLE_H
#define STATE_ROWS_TABLE_H

#include "base/part.h"
#include "state/rows/columns.h"
#include "state/rows/row.h"

struct table {
    const struct row_type *type;
    struct columns columns;
    struct row **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct row dirty; /* head of the ring of dirty rows, oldest first */
    struct row *spare;
};

/* Bytes that it holds, but for what rows own; trimmed, it keeps what the rows of now need. */
extern const struct part_kind table_kind;

void table_open(struct table *table, const struct row_type *type);
/* First row with this hash that may match; follow row->next. The caller compares the key. */
struct row *table_first(const struct table *table, uint64_t hash);
bool table_is_dirty(const struct table *table);

/* A new row, zeroed but for its head, dirty. No row has its key: a tombstone is revived instead. */
void *table_insert(struct table *table, struct journal *journal, uint64_t hash);
/* The row of a key, to be changed: a new one when there is none (NULL), a tombstone revived. */
void *table_upsert(struct table *table, struct journal *journal, const void *row, uint64_t hash);
/* A row as the database has it: clean. No row has its key, but for a tombstone when the store has
   failed, for which this one stands in. */
void *table_adopt(struct table *table, uint64_t hash);

/* Rows whose key is a number, their first member, which a counter gave. An undo takes numbers back,
   and they are given again: to the tombstone, if there is one, of which nothing is left. */
struct row *table_numbered(const struct table *table, uint64_t number); /* dead ones too, or NULL */
void *table_insert_numbered(struct table *table, struct journal *journal, uint64_t number);
void *table_adopt_numbered(struct table *table, uint64_t number); /* the number is not set */

/* Writes what is dirty to the database. Legal while a journal is open. */
void table_flush(struct table *table, struct journal *journal, struct state *state);
/* For a build with CHECK, when all rows are clean: looks at them; at some when they are many, by
   turns. See row_verify. */
#ifdef CHECK
void table_check(const struct table *table, uint64_t turn);
#else
#define table_check(table, turn) ((void)0)
#endif
/* Forgets every row; all must be clean. */
void table_forget(struct table *table);
/* For journal.c: a tombstone that the database need not hear of goes at once. */
void table_bury(struct table *table, struct row *row);

#endif
