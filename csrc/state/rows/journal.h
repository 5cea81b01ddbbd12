/* The journal of a crank: which rows it made and which it changed, with their pre-images.
 *
 * It is open from journal_begin to journal_commit, which forgets the images, or to journal_abort,
 * which puts all of them back, the youngest first. Each row is in it once. */
#ifndef STATE_ROWS_JOURNAL_H
#define STATE_ROWS_JOURNAL_H

#include "base/arena.h"
#include "base/list.h"
#include "base/part.h"
#include "state/rows/row.h"

struct journal_entry {
    struct table *table;
    struct row *row;
    struct row *image; /* the row as it was; NULL: this crank made it */
};

struct journal_list LIST(struct journal_entry);

struct journal {
    uint64_t number; /* of the open one, or the last; never 0 while one is open */
    bool open;
    struct arena arena; /* pre-images */
    struct journal_list entries;
};

/* Its memory, which is given back while it is not open; it may be used again. */
extern const struct part_kind journal_kind;

void journal_begin(struct journal *journal);
/* Before it is committed, while the store is well: what the crank made and changed is whole, as
   each noun's check says. Nothing in a build without CHECK. */
void journal_check(const struct journal *journal);
void journal_commit(struct journal *journal);
void journal_abort(struct journal *journal);

/* For row.c and table.c. A row that was made just now; and a copy of one that is to be changed. */
void journal_created(struct journal *journal, struct table *table, struct row *row);
struct row *journal_image(struct journal *journal, struct table *table, struct row *row);

#endif
