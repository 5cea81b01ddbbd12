/* Rows described by data: from one table of columns come a noun's statements, what is bound to them
 * and read from them, what of it no kernel can have written, and what its rows own.
 *
 *     #define AT(member) .offset = offsetof(struct object, member)
 *     static const struct column columns[] = {
 *         {"id", IS_NUMBER, AT(id), .role = ROLE_KEY},
 *         {"owner", IS_NUMBER, AT(owner), .optional = true},
 *         {"interface", IS_TEXT, AT(interface)},
 *         {0},
 *     };
 *
 * A new column is a line there, and a migration. */
#ifndef STATE_ROWS_COLUMNS_H
#define STATE_ROWS_COLUMNS_H

#include "base/bytes.h"

#include <stddef.h>

struct db;
struct query;
struct row_type;
struct state;

enum column_is {
    IS_NONE,     /* the end of the list */
    IS_NUMBER,   /* 64 bits */
    IS_COUNT,    /* the same, from 0 to NUMBER_MAX */
    IS_POSITIVE, /* the same, from 1 */
    IS_BOOL,     /* 0 or 1, or one of two names */
    IS_NAME,     /* an enum, by its names */
    IS_KREF,     /* as text */
    IS_VREF,     /* as text */
    IS_TEXT,     /* a blob without slots */
    IS_STRING,   /* the same with a NUL, which the database has not */
    IS_BODY,     /* a blob; the next column has its slots */
    IS_SLOTS,    /* the same blob's */
    IS_OWNED,    /* a blob that is no column */
};

enum column_role {
    ROLE_VALUE,
    ROLE_KEY,
    ROLE_FIXED, /* never changes */
    ROLE_RARE,  /* written again only when the row's renewed member says so */
};

struct column {
    const char *name;
    enum column_is is;
    size_t offset;
    enum column_role role;
    bool optional;            /* 0, no reference, and no blob are NULL */
    const char *const *names; /* of IS_NAME, ended by NULL; of IS_BOOL: false and true */
    /* The number is in this column when the enum tag, at tag_at, is this one; else NULL is. */
    size_t tag_at; /* 0: always */
    unsigned tag;
};

#define OWNED_MAX 4 /* blobs of a row */

/* A noun's columns, looked through. */
struct columns {
    const struct row_type *type;
    const struct column *list;
    size_t owned[OWNED_MAX];
    size_t owned_count;
};

/* No count and no number that a kernel wrote is larger; a row with one is damaged. */
#define NUMBER_MAX (INT64_C(1) << 59)
bool columns_sane(int64_t number); /* 0 to NUMBER_MAX */

/* Whether it is in the database, and not only in memory. */
bool columns_is_written(const struct column *column);

void columns_open(struct columns *columns, const struct row_type *type);

void columns_write(const struct columns *columns, struct state *state, const void *row);
void columns_erase(const struct columns *columns, struct state *state, const void *row);
/* Fills a zeroed row. False when it has what no kernel can have written: a number out of its
   range, which is read as the least in it, an unknown name, which is read as the first, or a
   malformed reference. A body whose slots are malformed is NULL. */
bool columns_read(const struct columns *columns, struct query *query, void *row);

/* A hash of the blobs that the row owns: of each so many bytes, and the slots. */
uint64_t columns_sum(const struct columns *columns, const void *row, size_t most);
/* One more holder of each blob that the row owns, and one less. */
void columns_hold(const struct columns *columns, const void *row);
void columns_drop(const struct columns *columns, const void *row);

#endif
