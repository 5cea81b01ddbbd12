/* A row in memory: what the table and the journal know of it. A noun's struct begins with one.
 *
 * 1. A row is either as the database has it, or on its table's dirty list.
 * 2. Whoever reads a row has it const. row_edit, while a journal is open, keeps its pre-image once
 *    and gives what can be changed; each noun has an edit of its own.
 * 3. A deleted row, or one that an undone crank made, stays findable in its bucket as a tombstone
 *    (dead) until the crank commits and the database has heard of it; lookups skip it, and an
 *    insert of the same key revives it: a key is in the table once.
 * 4. What a row owns (blobs) is counted: a pre-image holds its own references, by retain. */
#ifndef STATE_ROWS_ROW_H
#define STATE_ROWS_ROW_H

#include "base/bytes.h"
#include "store/statement.h"

struct journal;
struct state;
struct table;

struct row {
    struct row *next; /* in the bucket */
    struct row *dirty_next, *dirty_prev;
    uint64_t hash;
    uint64_t saved_in; /* number of the journal that has its pre-image */
    bool stored;       /* the database has a row of this key */
    bool other;        /* which is none of this row, and is erased before this is written */
    bool dirty;
    bool dead;
#ifdef CHECK
    uint64_t sum; /* of what may not change now; 0: nothing is known of it */
#endif
};

/* A statement that gives whole rows of a noun, all its columns. */
struct row_select {
    enum statement statement;
    const char *condition; /* what stands behind WHERE */
    const char *types;     /* of its arguments */
};

/* What a noun's rows are. What its columns do not describe is done by functions, or NULL. */
struct row_type {
    const char *name; /* of the table; NULL: store and erase do it all */
    size_t size;
    const struct column *columns;
    const struct row_select *selects; /* ended by zeros */
    enum statement write_by, erase_by;
    enum statement change_by, renew_by;            /* when there is a renewed, of a stored row */
    size_t renewed;                                /* offset of a bool; see ROLE_RARE */
    size_t loose;                                  /* what is behind this offset is no state */
    void (*retain)(void *row);                     /* of a pre-image */
    void (*release)(void *row);                    /* of what it owns */
    void (*store)(struct state *state, void *row); /* after the columns */
    void (*erase)(struct state *state, void *row);
    void (*check)(const void *row); /* asserts what holds of a row between cranks */
};

/* The row, to be changed: the journal has its pre-image. */
void *row_edit(struct table *table, struct journal *journal, const void *row);
void row_delete(struct table *table, struct journal *journal, const void *row);
/* A tombstone becomes a live row again; the caller sets every field. */
void *row_revive(struct table *table, struct journal *journal, const void *row);

/* In a build with CHECK a row that nobody may change has a sum of what it is, the beginnings of its
   blobs included. It is taken when the row was loaded, and when the crank that changed it is over;
   and looked at when the row is edited, written, and at each commit. One that differs was changed
   without an edit: the program aborts, and names the table. */
#ifdef CHECK
void row_seal(const struct table *table, const void *row);
void row_verify(const struct table *table, const void *row);
#else
#define row_seal(table, row) ((void)(row))
#define row_verify(table, row) ((void)(row))
#endif

/* For table.c and journal.c. */
void row_mark_dirty(struct table *table, struct row *row); /* as the youngest */
void row_mark_clean(struct row *row);
void row_release(const struct table *table, void *row);
/* The noun's part as the image has it, and dirty; links and what the database has stay. */
void row_restore(struct table *table, struct row *row, const struct row *image);

#endif
